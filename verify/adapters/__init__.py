"""Backward passes written for other frameworks, checked like those in NumPy; each module imports its framework."""
