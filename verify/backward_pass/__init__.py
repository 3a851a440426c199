"""Whether a hand-written backward pass is right, and what is wrong with it."""

from verify.backward_pass.check import check_backward
from verify.backward_pass.report import KINDS, Cost, Doubt, Finding, Report

__all__ = ["KINDS", "Cost", "Doubt", "Finding", "Report", "check_backward"]
