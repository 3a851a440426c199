"""Proofs: all critical points of an expression in a box, by interval arithmetic.

``tape`` is the function in any arithmetic: ``floats``, ``intervals``, ``balls``, ``series``. ``enclosure`` runs it on
many boxes, ``branch`` cuts these, ``krawczyk`` and ``newton`` find what lies in them, and ``rigor`` decides again in
balls. ``leftover`` sorts what is not settled, with a look in many ``digits``, ``blow_up`` settles isolated points and
poles along ``curves`` in exact numbers (``recast``, ``rational``), and ``certified`` is the list; ``parts`` does the
same in pieces.
"""
