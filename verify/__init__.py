"""Check derivations, derivatives and backward passes against numbers.

What people call is here; everything is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify.backward_pass import Report, check_backward
    from verify.critical.find import classify, find_critical_points
    from verify.critical.large.index import HessianIndex, hessian_index
    from verify.critical.large.inertia import inertia
    from verify.critical.points import CriticalPoint, CriticalPoints

__all__ = [
    "CriticalPoint",
    "CriticalPoints",
    "HessianIndex",
    "Report",
    "check_backward",
    "classify",
    "find_critical_points",
    "hessian_index",
    "inertia",
]

MODULES = {
    "CriticalPoint": "verify.critical.points",
    "CriticalPoints": "verify.critical.points",
    "HessianIndex": "verify.critical.large.index",
    "Report": "verify.backward_pass",
    "check_backward": "verify.backward_pass",
    "classify": "verify.critical.find",
    "find_critical_points": "verify.critical.find",
    "hessian_index": "verify.critical.large.index",
    "inertia": "verify.critical.large.inertia",
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module 'verify' has no attribute {name!r}")
    return getattr(importlib.import_module(MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
