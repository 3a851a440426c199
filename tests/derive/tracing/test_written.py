"""Forward passes as many people write them: the gradient is the derivative, and the exported code computes it."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from derive import gradient
from tests.derive.tracing.written import WRITTEN
from verify.derivation import check_derivation
from verify.exported import check_exported

for _name in ("models", "calls", "holders", "entries", "slices"):
    importlib.import_module(f"tests.derive.tracing.written.{_name}")

SLOW = frozenset(
    [
        "ce_int",
        "ntxent",
        "lstm_loop",
        "conv2d_naive",
        "conv2d_im2col",
        "maxpool_reshape",
        "avgpool_slices",
        "capsules",
        "rk4",
        "seq_class",
        "lstm_class",
        "mha2",
        "groupnorm2",
        "bn2d",
        "instancenorm",
        "simclr_mask",
        "grad_np",
        "lm_loss",
        "hadamard",
        "map_lists",
        "list_dp",
        "viterbi_soft",
        "select_np",
        "depthwise",
        "sinkhorn_free",
        "sinkhorn_log",
        "kalman",
        "masked_mean",
        "tucker",
        "gat",
        "tv2d",
        "layernorm",
        "mgrid_dct",
    ]
)
"""Tried by hand: they take half a second and more."""


@pytest.mark.parametrize("which", [name for name in WRITTEN if name not in SLOW])
def test_the_exported_code_computes_the_derivative(which: str) -> None:
    function, wrt, shapes, assumptions = WRITTEN[which]
    with np.errstate(all="ignore"):
        found = gradient(function, wrt, shapes=shapes, assumptions=assumptions)
        assert check_exported(found).outcome == "holds"


@pytest.mark.campaign
@pytest.mark.parametrize("which", WRITTEN)
def test_every_line_and_the_exported_code_hold(which: str) -> None:
    function, wrt, shapes, assumptions = WRITTEN[which]
    with np.errstate(all="ignore"):
        found = gradient(function, wrt, shapes=shapes, assumptions=assumptions)
        assert check_derivation(found, exact=False).outcome == "holds"
        assert check_exported(found).outcome == "holds"


def test_there_are_many() -> None:
    assert len(WRITTEN) > 180
    assert WRITTEN.keys() >= SLOW
