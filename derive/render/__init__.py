"""Renderers: one file for each format a derivation is written in."""
