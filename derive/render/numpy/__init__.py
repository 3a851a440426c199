"""NumPy source of the results of a derivation."""

from derive.render.numpy.compiled import compiled
from derive.render.numpy.export import function_name, numpy_source

__all__ = ["compiled", "function_name", "numpy_source"]
