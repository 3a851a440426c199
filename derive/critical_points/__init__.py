"""Critical points of an expression, found exactly and classified in a derivation whose lines are checked.

The function is ``worked_classification``; the object that it returns prints itself in every format.
"""

from derive.critical_points.worked import WorkedClassification, worked_classification

__all__ = ["WorkedClassification", "worked_classification"]
