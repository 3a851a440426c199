"""The backward passes that a file of the user's holds, found by the names of its functions.

Data
    ``Pair``  a forward and a backward pass, with what draws their inputs, and how they are called.

The three most important functions are ``pairs`` (all that a module holds, or those of one name), ``Pair.inputs``
(what they are tried on) and ``Pair.check`` (the report).
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from verify.backward_pass import Report, check_backward
from verify.layer import Layer

__all__ = ["Nothing", "Pair", "Unfit", "halves", "pairs"]

# So many ordinary cases of a layer are tried.
SAMPLES = 3


class Nothing(ValueError):
    """A file without any backward pass."""


class Unfit(ValueError):
    """Inputs that cannot be given to the forward pass."""


@dataclass(frozen=True)
class Pair:
    """A forward and a backward pass by the name that stands before theirs.

    ``draw(rng)`` gives the inputs, ``sample(rng)`` others where the file says so. ``saved`` says how both are called,
    as ``check_backward`` has it; None leaves it to what they look like. ``case`` tells the cases of a layer apart.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    draw: Callable[[np.random.Generator], Any]
    sample: Callable[[np.random.Generator], Any] | None = None
    saved: bool | None = None
    case: str = ""

    @property
    def title(self) -> str:
        """The name, and the case where there are several."""
        return f"{self.name}, {self.case}" if self.case else self.name

    def inputs(self, seed: int) -> tuple[Any, ...]:
        """The inputs for this seed: those of ``draw(np.random.default_rng(seed))``.

        Raises: Unfit when forward does not take them; whatever the user's function raises.
        """
        return self._listed(self.draw(np.random.default_rng(seed)))

    def is_saved(self, inputs: tuple[Any, ...]) -> bool:
        """Whether forward returns ``(output, saved)``.

        Where the file does not say, it does if it returns two things and backward takes two; a second parameter that
        is called as forward's only input is that input.
        """
        if self.saved is not None:
            return self.saved
        asked, given = _parameters(self.backward), _parameters(self.forward)
        if asked is None or len(asked) != 2 or (given is not None and len(inputs) == 1 and given[:1] == asked[1:]):
            return False
        try:
            with np.errstate(all="ignore"):
                result = self.forward(*(x.copy() if isinstance(x, np.ndarray) else x for x in inputs))
        except Exception:  # the check will say so, and better
            return False
        return isinstance(result, tuple) and len(result) == 2

    def check(self, inputs: tuple[Any, ...], **options: Any) -> Report:
        """The report; ``options`` are those of ``check_backward``, None being left out."""
        chosen = {name: value for name, value in options.items() if value is not None}
        if self.sample is not None:
            sample = self.sample
            chosen["sample"] = lambda rng: self._listed(sample(rng))
        return check_backward(self.forward, self.backward, inputs, **chosen)

    def _listed(self, drawn: Any) -> tuple[Any, ...]:
        if isinstance(drawn, Mapping):
            names = _parameters(self.forward) or []
            unknown = [str(name) for name in drawn if name not in names]
            if unknown:
                raise Unfit(
                    f"the inputs of {self.name} are given by name, and forward has no parameter "
                    f"{', '.join(unknown)}: it has {', '.join(names) or 'none with a name'}"
                )
            given = names[: len(drawn)]
            lacking = [name for name in given if name not in drawn]
            if lacking:
                raise Unfit(
                    f"the inputs of {self.name} are given by name, and {', '.join(lacking)} is not among them"
                )
            drawn = tuple(drawn[name] for name in given)
        if not isinstance(drawn, (tuple, list)):
            return (drawn,)
        if not drawn:
            raise Unfit(f"there are no inputs of {self.name}: give a tuple with those of forward, in order")
        return tuple(drawn)


def pairs(module: ModuleType, name: str | None = None, seed: int = 0) -> list[Pair]:
    """The backward passes of a module, in the order in which it defines them; with a name those of this name.

    The seed is that of a layer's cases.

    Raises: Nothing when it holds none; ValueError when the name is not there, or inputs are missing.
    """
    file = _file(module)
    names = _names(module)
    layer = getattr(module, "LAYER", None)
    if isinstance(layer, Layer):
        names = {
            one: before for one, before in names.items() if _part(module, before, "forward") is not layer.forward
        }
    known = [*([layer.name] if isinstance(layer, Layer) else []), *names]
    if name is not None and name not in known:
        raise ValueError(_unknown(module, name, known))
    if not known:
        raise Nothing(
            f"{file} holds no backward pass: it needs forward, backward and inputs, or for every NAME "
            "NAME_forward, NAME_backward and NAME_inputs(rng); or LAYER = Layer(…)"
        )
    found = list(_cases(layer, seed)) if isinstance(layer, Layer) and name in (None, layer.name) else []
    for one, before in names.items():
        if name in (None, one) and not (name is not None and found):
            found.append(_pair(module, one, before))
    return found


def halves(module: ModuleType) -> list[str]:
    """What is no pair, in a sentence each: a forward pass without a backward pass, or the other way round."""
    found = []
    for one, other in (("forward", "backward"), ("backward", "forward")):
        for name, value in vars(module).items():
            if not callable(value) or name.startswith("_") or not (name == one or name.endswith(f"_{one}")):
                continue
            wanted = name.removesuffix(one) + other
            if not callable(getattr(module, wanted, None)):
                found.append(f"{name} is not checked: there is no {wanted}")
    return found


def _names(module: ModuleType) -> dict[str, str]:
    """The names of complete pairs, and what stands before ``forward`` for each."""
    before = [
        name.removesuffix("forward")
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and (name == "forward" or name.endswith("_forward"))
    ]
    complete = [one for one in before if callable(getattr(module, f"{one}backward", None))]
    found = {one.removesuffix("_"): one for one in complete if one}
    if "" in complete:
        stem = Path(_file(module)).stem
        found[stem if stem not in found else "forward"] = ""
    return found


def _pair(module: ModuleType, name: str, before: str) -> Pair:
    draw, sample = _part(module, before, "inputs"), _part(module, before, "sample")
    if draw is None:
        draw = sample
    forward, backward = _part(module, before, "forward"), _part(module, before, "backward")
    if draw is None:
        wanted = ", ".join(_parameters(forward) or ["x"])
        raise ValueError(
            f"{_file(module)} does not say on which inputs to try {before}forward: add "
            f"`def {before}inputs(rng): return {wanted}` with arrays drawn by rng, a np.random.Generator"
        )
    if sample is not None and not callable(sample):
        raise ValueError(f"{before}sample is no function: write `def {before}sample(rng): return …`")
    saved = _part(module, before, "saved")
    if saved not in (None, True, False):
        raise ValueError(f"{before}saved is {saved!r}: it is True where forward returns (output, saved), else False")
    return Pair(name, forward, backward, _drawing(draw), None if sample is None else _drawing(sample), saved)


def _drawing(inputs: Any) -> Callable[[np.random.Generator], Any]:
    """What draws inputs: a function of a generator, of nothing, or the inputs themselves."""
    if not callable(inputs):
        return lambda rng: inputs
    if _parameters(inputs) == []:
        return lambda rng: inputs()
    return inputs  # type: ignore[no-any-return]


def _cases(layer: Layer, seed: int) -> Iterator[Pair]:
    """The ordinary cases of a layer; the odd ones, which may say little, are for ``verify layers``."""
    for k in range(SAMPLES):
        case = layer.case(f"sample {k}", seed)
        forward = functools.partial(layer.forward, **case.options)
        yield Pair(layer.name, forward, layer.backward, _drawing(case.inputs), saved=True, case=f"sample {k}")


def _part(module: ModuleType, before: str, what: str) -> Any:
    return getattr(module, f"{before}{what}", None)


def _parameters(function: Callable[..., Any]) -> list[str] | None:
    """The names of the parameters that are given in order; None where they are not known, or any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return None
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def _file(module: ModuleType) -> str:
    return Path(module.__file__ or module.__name__).name


def _unknown(module: ModuleType, name: str, known: list[str]) -> str:
    file = _file(module)
    for one, other in (("forward", "backward"), ("backward", "forward")):
        if callable(getattr(module, f"{name}_{one}", None)):
            return f"{file} has {name}_{one}, and no {name}_{other}"
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known
    hint = f"there is {', '.join(near)}" if near else f"there is no {name}_forward with a {name}_backward"
    return f"{file} holds no backward pass {name!r}; {hint}"
