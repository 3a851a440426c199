"""Exact critical points."""
