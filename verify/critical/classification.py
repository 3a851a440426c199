"""What kind of point one is: minimum, maximum, saddle of some index, degenerate, not critical, or undecided and why.

The two functions are ``classified`` (an expression, with proof) and ``classified_numerically`` (callables).
"""

from __future__ import annotations

import numpy as np

from verify.critical.objectives.objective import NotFinite, Objective
from verify.critical.points import WITHIN, Array, CriticalPoint, Spectrum
from verify.critical.proof.blow_up import around
from verify.critical.proof.enclosure import Evaluator
from verify.critical.proof.krawczyk import krawczyk, nested
from verify.critical.proof.newton import polished
from verify.critical.spectra import enclosed_spectrum, measured_spectrum

__all__ = ["classified", "classified_numerically"]

# Half of the largest box around a point in which it may be proved to be alone.
REACH = 0.25


def classified(function: Evaluator, x: Array, within: float = WITHIN) -> CriticalPoint:
    """The kind of a point of a tape, (n). All but "undecided" is proved, and so is the index.

    The critical point within ``within`` of x is classified, if there is exactly one, and returned.
    """
    size = np.maximum(np.abs(x), 1.0)
    lower, upper = x - within * size, x + within * size
    found = krawczyk(function, lower[None], upper[None])
    g = function.gradients(lower[None], upper[None])
    if found.none[0] or function.excluded(g, lower[None], upper[None])[0]:
        note = f"the gradient is nowhere 0 within {within:.0e}"
        if not np.isfinite(function.values(x)):
            note = f"f has no value here, and {note}"
        return _point(function, x, "not critical", certified=True, note=note)
    if not g.smooth[0]:
        why = "f has a kink here" if g.kinked[0] else "f or a derivative has no value here"
        return _point(function, x, "undecided", note=why)
    near = polished(function, x[None], size)
    if np.all(np.abs(near[0] - x) <= within * size):
        proved, _, _, inner_lower, inner_upper = nested(function, near, REACH * size)
        if proved[0]:
            H = function.hessians(inner_lower, inner_upper)
            ends = H.lower[0], H.upper[0]
            if function.rigor is not None:
                ends = function.rigor.hessian(inner_lower[0], inner_upper[0])
            spectrum = enclosed_spectrum(*ends)
            sure = spectrum.nullity == 0
            return _point(
                function,
                inner_lower[0] + 0.5 * (inner_upper[0] - inner_lower[0]),
                spectrum.kind if sure else "undecided",
                spectrum=spectrum,
                certified=sure,
                enclosure=(inner_lower[0], inner_upper[0]),
                note="" if sure else "it is one isolated point, but the sign of an eigenvalue is not told",
            )
    alone = around(function, lower, upper, size)
    if alone is not None and alone.meets(lower, upper):
        return alone.point(function)
    here = function.gradients(x[None], x[None])
    if ((here.lower <= 0) & (here.upper >= 0)).all():
        exact = not (here.lower.any() or here.upper.any())
        H = function.hessians(x[None], x[None])
        spectrum = enclosed_spectrum(H.lower[0], H.upper[0])
        kind = spectrum.kind if exact or spectrum.kind == "degenerate" else "undecided"
        note = "the gradient is exactly 0" if exact else "the gradient is 0 within rounding"
        return _point(function, x, kind, spectrum=spectrum, certified=exact and not spectrum.nullity, note=note)
    return _point(
        function, x, "undecided", note=f"a critical point within {within:.0e} is neither proved nor excluded"
    )


def classified_numerically(objective: Objective, x: Array, within: float = WITHIN) -> CriticalPoint:
    """The kind of a point of an objective, (n): as sure as measured errors of its derivatives are.

    Raises: ValueError when there is no finite value at x.
    """
    size = float(np.maximum(np.linalg.norm(x), 1.0))
    try:
        value = objective.value(x)
        gradient, doubt = objective.measured_gradient(x)
        hessian, error = objective.measured_hessian(x)
    except NotFinite as problem:
        raise ValueError(f"x is {x.tolist()}: {problem}; nothing can be said of such a point") from problem
    spectrum = measured_spectrum(hessian, error)
    norm = float(np.linalg.norm(gradient))
    least = float(np.min(np.abs(spectrum.values), initial=np.inf))
    if norm <= 4 * doubt:
        distance = norm / least if least > 0 else 0.0
    else:
        distance = float(np.linalg.norm(np.linalg.lstsq(hessian, gradient, rcond=None)[0]))
        # along what is flat, no step of Newton's method makes up for a slope
        rest = gradient - hessian @ np.linalg.lstsq(hessian, gradient, rcond=1e-12)[0]
        if np.linalg.norm(rest) > 4 * doubt + 1e-6 * norm:
            distance = np.inf
    if distance > within * size and norm > 4 * doubt:
        kind, note = (
            "not critical",
            f"‖∇f‖ is {norm:.3g} ± {doubt:.1g}: a critical point is about {distance:.2g} away",
        )
    elif spectrum.nullity and spectrum.kind != "saddle":
        kind = "degenerate"
        several = spectrum.nullity > 1
        note = (
            f"{spectrum.nullity} eigenvalue{'s' * several} cannot be told from 0: the bounds of "
            f"{'each are' if several else 'it are'} ±{_half_width(spectrum):.1g}"
        )
    else:
        kind, note = spectrum.kind, ""
    return CriticalPoint(x, value, norm, spectrum, kind, note=note)


def _half_width(spectrum: Spectrum) -> float:
    return float(np.max(spectrum.upper - spectrum.lower, initial=0.0) / 2)


def _point(
    function: Evaluator,
    x: Array,
    kind: str,
    spectrum: Spectrum | None = None,
    certified: bool = False,
    enclosure: tuple[Array, Array] | None = None,
    note: str = "",
) -> CriticalPoint:
    if spectrum is None:
        H = function.hessians(x[None], x[None])
        spectrum = enclosed_spectrum(H.lower[0], H.upper[0])
    norm = float(np.linalg.norm(function.gradients_at(x[None])[0]))
    return CriticalPoint(x, float(function.values(x)), norm, spectrum, kind, certified, enclosure, note)
