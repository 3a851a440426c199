"""Attention and Transformer."""
