"""Formulas as people type them, read by a parser of our own."""
