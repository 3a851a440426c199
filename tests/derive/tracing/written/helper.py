"""A module whose functions the programs call."""

import numpy as np

SCALE = 0.5


def activate(z):
    out = np.zeros(z.shape)
    out[...] = np.tanh(z)
    return SCALE * out / np.sqrt(z.shape[0])
