"""A black-box function seen from one point: the lines through it, real and complex.

All care about what a function may return, raise, write to or warn of is taken here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from verify.differences import Array
from verify.lines import Line

Function = Callable[[Any], Any]

# The imaginary step: its square vanishes beside 1.
IMAGINARY = 2.0**-70


class Point:
    """A function seen from one point: values flat and float64, NaN where it fails nearby, every call counted."""

    def __init__(self, f: Function, x: ArrayLike, complex_step: bool) -> None:
        self.f = f
        self.x = np.array(x, dtype=np.float64)
        if not np.all(np.isfinite(self.x)):
            raise ValueError("x is not finite")
        self.evaluations = 0
        self.complex_step = complex_step
        centre = self._call(self.x.copy())
        self.shape = centre.shape
        self.centre = centre.ravel()

    def _call(self, z: Any) -> Array:
        self.evaluations += 1
        with warnings.catch_warnings():
            # Leaving the domain nearby is this module's business, not the caller's.
            warnings.simplefilter("ignore", RuntimeWarning)
            y = np.asarray(self.f(z))
        if not (np.issubdtype(y.dtype, np.number) or y.dtype == np.bool_) or np.iscomplexobj(y):
            raise TypeError(f"f(x) must be real numbers, got dtype {y.dtype}")
        return np.array(y, dtype=np.float64)

    def values(self, z: Array) -> Array:
        """f near x, flat."""
        try:
            y = self._call(z)
        except (ArithmeticError, ValueError):
            # ``math.log(-1.0)`` raises; f itself was fine at x.
            return np.full(self.centre.shape, np.nan)
        if y.shape != self.shape:
            raise ValueError(f"f returned shape {self.shape} at x and shape {y.shape} near it")
        return y.ravel()

    def imaginary(self, z: Any, step: float) -> Array | None:
        """The complex-step derivative at z, or None when f does not take complex numbers."""
        if not self.complex_step:
            return None
        self.evaluations += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                # A discarded imaginary part is a wrong derivative, not a warning.
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                y = np.asarray(self.f(z))
        except Exception:  # whatever f does about complex numbers, the differences remain
            y = np.zeros(())
        if not np.iscomplexobj(y) or y.shape != self.shape:
            self.complex_step = False
            return None
        return np.array(y.imag, dtype=np.float64).ravel() / step

    def scales(self) -> Array:
        """A first guess, per coordinate, of the distance over which f changes."""
        size = np.abs(self.x).ravel()
        typical = float(np.median(size[size > 0])) if np.any(size > 0) else 1.0
        return np.array([power_of_two(max(s, 2.0**-10 * typical) if s > 0 else typical) for s in size])

    def coordinate(self, i: int, scale: float) -> Line:
        """The line through x along coordinate i."""

        def path(t: float) -> tuple[Array, float]:
            z = self.x.copy()
            z.flat[i] += t
            return self.values(z), float(z.flat[i] - self.x.flat[i])

        def tilted(t: float) -> Array | None:
            z = self.x.astype(np.complex128)
            z.flat[i] += complex(t, IMAGINARY * scale)
            return self.imaginary(z, IMAGINARY * scale)

        return Line(path, self.centre, scale, abs(float(self.x.flat[i])), tilted)

    def direction(self, v: Array, scale: float | None = None) -> Line | None:
        """The line through x along v, or None if v is zero."""
        moving = v.ravel() != 0
        if not np.any(moving):
            return None
        if scale is None:
            scale = float(np.min(self.scales()[moving] / np.abs(v.ravel()[moving])))
        scale = power_of_two(scale)
        argument = float(np.max(np.abs(self.x.ravel()[moving] / v.ravel()[moving])))

        def path(t: float) -> tuple[Array, float]:
            return self.values(self.x + t * v), t

        def tilted(t: float) -> Array | None:
            return self.imaginary(self.x + t * v + 1j * (IMAGINARY * scale) * v, IMAGINARY * scale)

        return Line(path, self.centre, scale, min(argument, scale), tilted)


def power_of_two(scale: float) -> float:
    """The power of two next below a positive number."""
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be positive and finite, got {scale}")
    return float(2.0 ** np.clip(np.floor(np.log2(scale)), -900, 900))
