"""NumPy source of the results of a derivation."""

from derive.render.numpy.export import compiled, function_name, numpy_source

__all__ = ["compiled", "function_name", "numpy_source"]
