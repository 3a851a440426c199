"""The catalogue of formulas: one folder for each group, one file for each entry."""
