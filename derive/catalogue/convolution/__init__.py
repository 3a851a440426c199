"""Convolution, pooling, classical networks."""
