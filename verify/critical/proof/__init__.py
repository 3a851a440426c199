"""Proofs: all critical points of an expression in a box, by interval arithmetic."""
