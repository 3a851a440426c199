"""Recurrent networks and sequence decoding."""
