"""A plain NumPy function as a program in index notation."""

from derive.trace.tracing import Shapes, trace

__all__ = ["Shapes", "trace"]
