"""Formulas drawn with a pen: one fold over the tree, whatever the format; a file for each kind of node."""

from derive.render.mathematics.matrices import MatrixWriter
from derive.render.mathematics.pen import Pen
from derive.render.mathematics.writer import Scope, Side, Writer

__all__ = ["MatrixWriter", "Pen", "Scope", "Side", "Writer"]
