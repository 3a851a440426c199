"""Numerical search: critical points of all indices of a smooth function, with evidence and without proof."""
