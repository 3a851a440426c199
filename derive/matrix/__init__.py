"""Index notation -> matrix notation, where there is one.

``matrix_form(node, letters)`` is the form whose first letter is the row and whose second is the column, or None. With
more letters (or where two are not enough) some of them name slices: ``P[h, i, j]`` is a matrix ``P_h`` for every h.
Convolutions, gathers and products of tensors with three axes have no form.
"""

from derive.matrix.form import MatrixForm, matrix_form, matrix_form_of

__all__ = ["MatrixForm", "matrix_form", "matrix_form_of"]
