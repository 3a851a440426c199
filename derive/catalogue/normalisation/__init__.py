"""Normalisation, regularisation, initialisation."""
