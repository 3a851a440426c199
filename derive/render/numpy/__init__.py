"""NumPy source of the results of a derivation."""

from derive.render.numpy.compiled import compiled
from derive.render.numpy.export import arguments, function_name, numpy_source

__all__ = ["arguments", "compiled", "function_name", "numpy_source"]
