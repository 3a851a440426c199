"""Derive the mathematics of deep learning line by line."""
