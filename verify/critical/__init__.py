"""Search for critical points, and tell minima, maxima and saddles by the Hessian's eigenvalues.

How data flows, and where what lives:

    expression, entry, NumPy function ── expression ──> tape ── proof ──────────┐
    callables with derivatives ───────── objectives ──> objective ── search ────┼──> points ── shown ──> text, picture
    layers of a network ──────────────── losses ──────> f, gradient, products ──┘
    products with vectors, matrices ──────────────────────────────── large ─────────> an index, an inertia

``find`` is the user's entry, with ``problem`` (a box, a start) and ``classification`` (one point); ``points`` and
``spectra`` are the data that all give back. ``formula`` reads what is typed, ``campaigns`` runs pieces of work on any
executor. Only ``expression`` and ``formula`` know SymPy.
"""
