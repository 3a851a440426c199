"""How fast the NumPy layers are beside PyTorch: forward and backward pass, on one thread, in turns.

PyTorch's layers are those of ``peers``, with its own gradients of the same inputs. Both must agree before they are
timed. A ratio is a median over rounds in which both take a turn, in an order that is drawn, so often that a turn
takes some milliseconds. Times are seconds of processor time.

Where arrays lie in memory can change either time by a third, as long as the process lives. Each row is therefore
measured in several processes, with other arrays in the way: the median of their ratios is printed, the smallest and
the largest. Memory is not given back to the system between calls, since the faults of fresh pages are up to a sixth
of the time and fall on either side by accident.

The floor is what NumPy takes for less than is needed, in the same rounds.
"""

# ruff: noqa: E402 - the environment and the path are set before what depends on them is imported

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.peers import Peer
from verify.layer import Case
from verify.layers import LAYERS
from verify.trial import Trial, mapped, parts

PROCESSES = 5
ROUNDS = 15
TURN = 0.02
WITHIN = {"float32": 2e-3, "float64": 1e-9}


@dataclass(frozen=True)
class Row:
    """A layer at the size at which it is timed; the goals are ratios in float32 and float64.

    ``floor`` prepares what does less than the layer has to, in the quickest way that NumPy has for it.
    """

    layer: str
    draw: Callable[[np.random.Generator], Case]
    goals: tuple[float, float] | None = None
    floor: Callable[[Trial], Callable[[], object]] | None = None


def made(*shapes: tuple[int, ...], **options: Any) -> Callable[[np.random.Generator], Case]:
    """Inputs of these shapes, and options; all but the first are so small that nothing saturates."""
    first, *others = shapes
    return lambda rng: Case(rng.normal(size=first), *(0.1 * rng.normal(size=shape) for shape in others), **options)


def classified(rng: np.random.Generator) -> Case:
    return Case(rng.normal(size=(1024, 1000)), rng.integers(1000, size=1024))


def looked_up(rng: np.random.Generator) -> Case:
    return Case(rng.normal(size=(10_000, 128)), rng.integers(10_000, size=4096))


def rows_copied(trial: Trial) -> Callable[[], object]:
    """Rows gathered; rows of the cotangent copied in one piece, and zeros: nothing is looked up or added."""
    W, ids = trial.inputs.values()
    n = ids.size

    def call() -> object:
        output, gradient = np.take(W, ids, axis=0, mode="clip"), np.empty(W.shape, W.dtype)
        gradient[:n] = trial.d_output
        gradient[n:] = 0
        return output, gradient

    return call


def maxima(trial: Trial) -> Callable[[], object]:
    """Maxima of two rows, and of two columns; cotangents copied to all four entries: no place is looked for."""
    (x,) = trial.inputs.values()

    def call() -> object:
        rows = np.maximum(x[..., 0::2, :].copy(), x[..., 1::2, :].copy())
        output = np.maximum(rows[..., 0::2].copy(), rows[..., 1::2].copy())
        gradient = np.empty_like(x)
        for k in (0, 1):
            rows[..., k::2] = trial.d_output
        for k in (0, 1):
            gradient[..., k::2, :] = rows
        return output, gradient

    return call


def exponentials(trial: Trial) -> Callable[[], object]:
    """Exponentials of the logits as they are, their sums, and one product as large as the gradient."""
    logits = next(iter(trial.inputs.values()))
    one = np.ones((logits.shape[-1], 1), logits.dtype)

    def call() -> object:
        e = np.exp(logits)
        return e * (1 / (e @ one))

    return call


def products(trial: Trial) -> Callable[[], object]:
    """The matrix products of all projections and heads, the exponentials, and the product with them of as many
    cotangents: no row has a maximum, a sum or a quotient, nothing is moved, added or scaled.
    """
    x, *weights = list(trial.inputs.values())[:5]
    rows, apart = x.reshape(-1, x.shape[-1]), x.reshape(*x.shape[:2], trial.options["heads"], -1)
    others = trial.d_output.reshape(rows.shape)
    heads = np.ascontiguousarray(apart.swapaxes(1, 2))
    across = np.ascontiguousarray(heads.swapaxes(-1, -2))

    def call() -> object:
        for W in weights:  # the output, and both gradients
            done = [rows @ W, others @ W.T, rows.T @ others]
        kept = np.empty((*heads.shape[:-1], heads.shape[-2]), heads.dtype)
        for one, transposed, scores in zip(heads, across, kept, strict=True):  # of a sample, which the cache holds
            np.matmul(one, transposed, out=scores)
            np.exp(scores, out=scores)
            done.append(scores @ one)
        for one, transposed, scores in zip(heads, across, kept, strict=True):
            done.append(scores.swapaxes(-1, -2) @ one)
            gradient = one @ transposed
            gradient *= scores
            done += [gradient @ one, gradient.swapaxes(-1, -2) @ one]
        return done, kept

    return call


IMAGES, TOKENS, HEADS = (8, 16, 32, 32), (4, 128, 128), (4, 8, 128, 16)
SEQUENCES, D, H = (16, 32, 64), 64, 128
PROJECTIONS = ((128, 128),) * 4
ENCODER = (*PROJECTIONS, *((128,),) * 4, (128, 512), (512,), (512, 128), (128,), *((128,),) * 4)
ROWS = {
    "convolution": Row("conv2d", made(IMAGES, (32, 16, 3, 3), (32,), padding=1), (2.2, 1.05)),
    "max-pool 2×2": Row("max_pool2d", made(IMAGES, kernel=2), (0.4, 0.5), maxima),
    "max-pool 3×3, stride 2": Row("max_pool2d", made(IMAGES, kernel=3, stride=2), (0.65, 0.95)),
    "batch norm": Row("batch_norm", made((32, 64, 16, 16), (64,), (64,)), (1.1, 1.75)),
    "LSTM": Row("lstm", made(SEQUENCES, (D, 4 * H), (H, 4 * H), (4 * H,)), (2.0, 0.9)),
    "multi-head attention": Row("multi_head_attention", made(TOKENS, *PROJECTIONS, heads=8), (0.95, 0.8), products),
    "softmax cross-entropy": Row("softmax_with_loss", classified, (1.1, 0.85), exponentials),
    "embedding": Row("embedding", looked_up, (0.5, 0.6), rows_copied),
    "affine": Row("affine", made((1024, 256), (256, 256), (256,))),
    "transposed convolution": Row("conv_transpose2d", made(IMAGES, (16, 16, 3, 3), (16,), stride=2)),
    "average pool 3×3": Row("avg_pool2d", made(IMAGES, kernel=3, stride=2)),
    "layer norm": Row("layer_norm", made((512, 256), (256,), (256,))),
    "RMS norm": Row("rms_norm", made((512, 256), (256,))),
    "group norm": Row("group_norm", made((16, 32, 16, 16), (32,), (32,), groups=8)),
    "GRU": Row("gru", made(SEQUENCES, (D, 3 * H), (H, 3 * H), (3 * H,), (3 * H,))),
    "RNN": Row("rnn", made(SEQUENCES, (D, H), (H, H), (H,))),
    "attention": Row("scaled_dot_product_attention", made(HEADS, HEADS, HEADS)),
    "encoder block": Row("transformer_encoder_block", made(TOKENS, *ENCODER, heads=8)),
    "ReLU": Row("relu", made((512, 512))),
    "GELU": Row("gelu", made((512, 512))),
    "softmax": Row("softmax", made((1024, 512))),
}


def seconds(call: Callable[[], object], repeat: int) -> float:
    start = time.process_time()
    for _ in range(repeat):
        call()
    return (time.process_time() - start) / repeat


@dataclass(frozen=True)
class Times:
    """Medians of one process: of our time over PyTorch's, of that of the floor, and of our own in seconds."""

    ratio: float
    floor: float
    own: float


def measured(name: str, dtype: str, seed: int) -> Times:
    """The times of a forward and a backward pass, in the process that this is called in."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    np.ones(4_000_000)  # freed at once: glibc gives no memory back between calls then, as in a process that trains
    in_the_way = [np.ones(size) for size in rng.integers(1, 2**20, 4)]
    row = ROWS[name]
    layer, case = LAYERS[row.layer], row.draw(np.random.default_rng(0))
    trial, peer = Trial(layer, case, dtype=dtype), Peer(layer, case, dtype)
    d_output = mapped(lambda d: torch.as_tensor(np.array(d)), trial.d_output)
    agree(trial, peer, d_output)

    def ours() -> Any:  # the output is there until the gradients are, as in training
        output, saved = layer.forward(*trial.inputs.values(), **trial.options)
        return output, layer.backward(trial.d_output, saved)

    def theirs() -> Any:
        output = peer.forward()
        return output, peer.gradients(output, d_output)

    repeat = max(1, round(TURN / seconds(theirs, 3)))
    calls = [ours, theirs, *([row.floor(trial)] if row.floor else [])]
    turns = np.full((ROUNDS, 3), np.nan)
    for turn in turns:
        for k in rng.permutation(len(calls)):
            turn[k] = seconds(calls[k], repeat)
    del in_the_way
    own, other, floor = turns.T
    return Times(*(float(np.median(times)) for times in (own / other, floor / other, own)))


def agree(trial: Trial, peer: Peer, d_output: Any) -> None:
    """Raises: AssertionError when outputs or gradients differ by more than the type's rounding."""
    output = peer.forward()
    for name, gradient in peer.gradients(output, d_output).items():
        if gradient is not None:  # of what the output does not depend on
            close(trial.gradients[name], gradient.numpy(), trial.dtype)
    for one, other in zip(parts(trial.output), parts(output), strict=True):
        close(one, other.detach().numpy(), trial.dtype)


def close(one: Any, other: Any, dtype: str) -> None:
    np.testing.assert_allclose(one, other, rtol=0, atol=WITHIN[dtype] * np.max(np.abs(other)))


def shown(name: str, found: list[list[Times]]) -> list[str]:
    """A row of the table, from the times of all processes in both types."""

    def medians(of: str, unit: float = 1.0) -> str:
        return " / ".join(f"{unit * statistics.median(getattr(one, of) for one in times):.2f}" for times in found)

    row, ratios = ROWS[name], [[one.ratio for one in times] for times in found]
    return [
        name,
        " / ".join(map(str, row.goals or ())),
        *(f"{statistics.median(each):.2f} ({min(each):.2f}–{max(each):.2f})" for each in ratios),
        medians("floor") if row.floor else "",
        medians("own", 1e3),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="rows, or layers; all of them where none is named")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="in how many each row is measured")
    options = parser.parse_args()
    known = {*ROWS, *(row.layer for row in ROWS.values())}
    if none := [word for word in options.names if word not in known]:
        parser.error(f"{none[0]!r} is no row: expected one of {', '.join(ROWS)}, or a layer of these")
    if options.processes < 1:
        parser.error(f"--processes is {options.processes}: expected at least 1")
    table = Table(title="Time over PyTorch's, forward and backward: median (smallest–largest) of processes")
    for column in ("row", "goals", *WITHIN, "floors", "ms"):
        table.add_column(column, justify="left" if column == "row" else "right", no_wrap=True)
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:  # a new process for each task
        for name, row in ROWS.items():
            if options.names and name not in options.names and row.layer not in options.names:
                continue
            tasks = [[(name, dtype, seed) for seed in range(options.processes)] for dtype in WITHIN]
            table.add_row(*shown(name, [pool.starmap(measured, each, chunksize=1) for each in tasks]))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
