r"""Sum of two arrays, broadcast to each other.

.. math:: z = x + y, \qquad \bar x = \operatorname{sum}\bar z, \quad \bar y = \operatorname{sum}\bar z

where sum runs over the places to which an entry was broadcast: what is repeated forward is summed backward.

Shapes: x (...), y (...) -> as NumPy broadcasts them.
Convention: each gradient has the shape of its variable, never the broadcast one.
Reference: Saitoh (2016), Deep Learning from Scratch, section 5.4.2.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent
from verify.layer import Array, Case, Layer
from verify.layer_parts.broadcasting import BROADCASTS, broadcast_shape, pair, unbroadcast

Saved = tuple[Array, Array]


def forward(x: Array, y: Array) -> tuple[Array, Saved]:
    """The output; backward needs the shapes alone."""
    x, y = arrays("x (...), y (...)", x, y)
    broadcast_shape(x=x.shape, y=y.shape)
    return np.asarray(x + y), (x, y)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of x and y."""
    x, y = saved
    d_z = cotangent(d_output, broadcast_shape(x=x.shape, y=y.shape), x.dtype)
    return {"x": unbroadcast(d_z, x.shape), "y": unbroadcast(d_z, y.shape)}


def sample(rng: np.random.Generator) -> Case:
    """Two arrays of one shape, or with axes lacking or of size 1."""
    return Case(*pair(rng))


LAYER = Layer(forward=forward, backward=backward, sample=sample, formula="bp-node-add-mul", cases=BROADCASTS)
