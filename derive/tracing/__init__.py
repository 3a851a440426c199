"""A plain NumPy function as a program in index notation."""

from derive.tracing.tracer import Shapes, trace

__all__ = ["Shapes", "trace"]
