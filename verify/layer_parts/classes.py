"""Targets of a classification: the class of every sample, or a weight for every class of every sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, as_array, count, entries, indices
from verify.layer import Array

__all__ = ["at_targets", "class_arrays", "distributions"]


def class_arrays(name: str, scores: Array, targets: Any, ignored: int | None = None) -> tuple[Array, Array, Array]:
    """Scores (..., k), targets of shape (...) or (..., k), and which samples count (...).

    The class of a sample that does not count is read as 0.
    Raises: ValueError when there are no classes, a class is not there, or a weight is not finite.
    """
    if ignored is not None:
        ignored = count("ignore_index", ignored, least=None)
    targets = as_array("targets", targets)
    if targets.dtype.kind not in "iuf":
        raise ValueError(f"targets holds {targets.dtype}: expected integers, the classes, or floating-point weights")
    if weighted := targets.dtype.kind == "f":
        if targets.shape == as_array(name, scores).shape[:-1]:
            advice = "expected integers for classes, or weights of all classes along one more axis"
            raise ValueError(f"targets has shape {targets.shape} and holds {targets.dtype}: {advice}")
        scores, targets = arrays(f"{name} (*n, k), targets (*n, k)", scores, targets)
    else:
        scores, targets = arrays(f"{name} (*n, k), targets integer (*n)", scores, targets)
    if not scores.shape[-1]:
        raise ValueError(f"{name} has shape {scores.shape}: expected at least one class along the last axis")
    if weighted:
        if ignored is not None:
            raise ValueError(f"ignore_index is {ignored} and targets holds {targets.dtype}: expected integers")
        entries("targets", targets, np.isfinite(targets), "finite numbers")
        return scores, targets, np.ones(targets.shape[:-1], bool)
    counted = np.ones(targets.shape, bool)
    if ignored is not None:
        counted = np.asarray(targets != ignored)
        targets = np.where(counted, targets, 0)
    indices("targets", targets, scores.shape[-1], "a class")
    return scores, targets, counted


def at_targets(values: Array, targets: Array) -> Array:
    """The value (..., 1) of the class of every sample, or the sum of all values with the weights of their classes."""
    if targets.dtype.kind == "f":
        found: Array = np.einsum("...k,...k->...", targets, values)[..., None]
    else:
        found = np.take_along_axis(values, targets[..., None], axis=-1)
    return found


def distributions(rng: np.random.Generator, *shape: int) -> Array:
    """Random rows that sum to 1, no entry near 0."""
    rows = rng.uniform(0.2, 1.0, shape)
    rows /= rows.sum(axis=-1, keepdims=True)
    return rows
