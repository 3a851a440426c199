"""Backward passes as people write them by hand in plain NumPy, wrong and right."""
