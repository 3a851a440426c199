"""A network as the calls of layers that make it, and its two passes.

``apply(affine, X, "W", "b")`` is what the layer ``affine`` makes of the data ``X`` and the parameters named ``W`` and
``b``. What one call gives may go into several others, and a name may stand in several places: residual connections
and shared weights need nothing else. The last call is the loss.

Data
    ``Call``   a layer, what goes into it, and its options; ``call[0]`` is one output of several.
    ``Graph``  all the calls that a loss is made of, in the order in which they are computed.

The three most important functions are ``apply`` (what people write), ``Graph.run`` (forward) and ``Graph.swept`` (the
gradient: the layers' own backward passes, in the opposite order).
"""

from __future__ import annotations

import importlib
import inspect
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.layer import Layer, declared, named

__all__ = ["Call", "Graph", "apply", "check_finite", "frozen", "parted"]

Wide = NDArray[Any]
Number = type[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Call:
    """A layer, applied: to data, to parameters by name, to other calls. ``part`` is one output of several."""

    layer: Layer
    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    part: int | None = None
    whole: Call | None = None

    def __getitem__(self, part: int) -> Call:
        return replace(self, part=part, whole=self.whole or self)

    def __iter__(self) -> Iterator[Call]:
        raise TypeError(f"the outputs of {self} are taken by number: call[0], call[1], …")

    def __reduce__(self) -> tuple[Any, ...]:
        # A layer of a module travels as the module's name: what draws its cases need not be sent.
        module = self.layer.forward.__module__
        known = getattr(sys.modules.get(module), "LAYER", None) is self.layer
        return _called, (module if known else self.layer, self.inputs, dict(self.options), self.part, self.whole)

    def __str__(self) -> str:
        told = [one.layer.name if isinstance(one, Call) else repr(one) if isinstance(one, str) else
                "None" if one is None else str(np.shape(one)) for one in self.inputs]  # fmt: skip
        return f"{self.layer.name}({', '.join(told)})" + ("" if self.part is None else f"[{self.part}]")


def _called(layer: Layer | str, *rest: Any) -> Call:
    return Call(declared(importlib.import_module(layer)) if isinstance(layer, str) else layer, *rest)


def apply(layer: Layer | ModuleType | str, *inputs: Any, **options: Any) -> Call:
    """What a layer makes of these inputs: arrays are data, strings name parameters, calls are other layers' outputs.

    ``layer`` is a module of ``verify.layers``, any ``Layer`` of your own, or a name in ``LAYERS``.
    Raises: ValueError when there is no such layer, it has fewer inputs, or no such option.
    """
    if isinstance(layer, str):
        layer = named(layer)
    elif isinstance(layer, ModuleType):
        layer = declared(layer)
    if not isinstance(layer, Layer):
        raise ValueError(f"layer is {layer!r}: expected a Layer, a module of verify.layers, or a name in LAYERS")
    if len(inputs) > len(layer.inputs):
        raise ValueError(
            f"{layer.name} got {len(inputs)} inputs, it has {len(layer.inputs)}: {', '.join(layer.inputs)}"
        )
    known = options_of(layer)
    if unknown := [name for name in options if name not in known]:
        raise ValueError(f"{layer.name} has no option {unknown[0]!r}; its options are: {', '.join(known) or 'none'}")
    return Call(layer, tuple(np.asarray(one) if isinstance(one, (list, tuple)) else one for one in inputs), options)


def options_of(layer: Layer) -> tuple[str, ...]:
    """The names of a layer's options."""
    parameters = inspect.signature(layer.forward).parameters.values()
    return tuple(one.name for one in parameters if one.kind is one.KEYWORD_ONLY)


class Graph:
    """The calls that a loss is made of, each after those that go into it."""

    def __init__(self, loss: Call) -> None:
        if not isinstance(loss, Call):
            raise ValueError(f"loss is {type(loss).__name__}: expected a call, as apply(mse, …, targets) makes it")
        self.loss = loss
        self.calls: list[Call] = []
        seen: set[int] = set()
        todo: list[tuple[Call, bool]] = [(loss.whole or loss, False)]
        while todo:
            call, ready = todo.pop()
            if ready:
                self.calls.append(call)
            elif id(call) not in seen:
                seen.add(id(call))
                todo.append((call, True))
                todo += [(one.whole or one, False) for one in reversed(call.inputs) if isinstance(one, Call)]
        self._data: dict[tuple[int, Number], Any] = {}
        for call in self.calls:
            for name, one in zip(call.layer.inputs, call.inputs, strict=False):
                if not isinstance(one, (Call, str)) and one is not None and np.asarray(one).dtype.kind in "fc":
                    check_finite(f"{self.place(call)}: {name}", np.asarray(one))

    def __reduce__(self) -> tuple[Any, ...]:
        return Graph, (self.loss,)

    def place(self, call: Call) -> str:
        """Which call this is, for a message."""
        return f"layer {self.calls.index(call) + 1} of {len(self.calls)}, {call}"

    def check_names(self, parameters: Mapping[str, Wide]) -> None:
        """Raises: ValueError when a parameter is used and not given, or given and not used."""
        used = {one: call for call in self.calls for one in call.inputs if isinstance(one, str)}
        for name, call in used.items():
            if name not in parameters:
                raise ValueError(
                    f"{self.place(call)}: no parameter {name!r} is given; given are {sorted(parameters)}"
                )
        if unused := [name for name in parameters if name not in used]:
            raise ValueError(f"parameter {unused[0]!r} goes into no layer: name it in a call, or leave it out")

    def check_values(self, parameters: Mapping[str, Wide]) -> None:
        """Raises: ValueError when an output is not finite or the loss is no number, naming the layer."""
        with np.errstate(all="ignore"):
            loss, outputs, _ = self.run(parameters)
        for call in self.calls:
            parts = outputs[id(call)] if isinstance(outputs[id(call)], tuple) else (outputs[id(call)],)
            if not all(np.all(np.isfinite(part)) for part in parts):
                raise ValueError(f"{self.place(call)}: the output is not finite at the parameters that are given")
        if np.shape(loss) != ():
            advice = "take reduction='mean' or 'sum'" if "reduction" in options_of(self.loss.layer) else "sum it"
            raise ValueError(f"the loss, {self.loss}, has shape {np.shape(loss)}: expected one number; {advice}")

    def run(self, parameters: Mapping[str, Wide]) -> tuple[Wide, dict[int, Any], dict[int, Any]]:
        """The loss, and the outputs and what is saved of all calls."""
        dtype = next(iter(parameters.values())).dtype.type
        outputs: dict[int, Any] = {}
        saved: dict[int, Any] = {}
        for call in self.calls:
            inputs = [self._value(one, parameters, outputs, dtype) for one in call.inputs]
            options = {name: self._cast(one, dtype) for name, one in call.options.items()}
            try:
                outputs[id(call)], saved[id(call)] = call.layer.forward(*inputs, **options)
            except ValueError as error:
                raise ValueError(f"{self.place(call)}: {error}") from None
        return self._part(self.loss, outputs), outputs, saved

    def swept(self, x: Wide, shapes: Mapping[str, tuple[int, ...]]) -> tuple[Wide, Wide]:
        """The loss and its gradient: the layers' backward passes, from the loss to the parameters."""
        loss, outputs, saved = self.run(parted(x, shapes))
        gradient = np.zeros_like(x)
        gradients = parted(gradient, shapes)
        sent: dict[int, Any] = {}
        self._send(self.loss, np.ones_like(loss), sent, outputs)
        for call in reversed(self.calls):
            d_output = sent.pop(id(call), None)
            if d_output is None:
                continue
            found = call.layer.backward(tuple(d_output) if isinstance(d_output, list) else d_output, saved[id(call)])
            for name, one in zip(call.layer.inputs, call.inputs, strict=False):
                if not isinstance(one, (str, Call)):
                    continue
                if found.get(name) is None:
                    if isinstance(one, str):
                        raise ValueError(f"{self.place(call)}: no gradient reaches {one!r}, which goes in as {name}")
                elif isinstance(one, str):
                    gradients[one] += found[name]
                else:
                    self._send(one, found[name], sent, outputs)
        return loss, gradient

    def _value(self, one: Any, parameters: Mapping[str, Wide], outputs: Mapping[int, Any], dtype: Number) -> Any:
        if isinstance(one, str):
            return parameters[one]
        return self._part(one, outputs) if isinstance(one, Call) else self._cast(one, dtype)

    def _part(self, call: Call, outputs: Mapping[int, Any]) -> Any:
        if call.part is None:
            if isinstance(outputs[id(call)], tuple):
                raise ValueError(f"{call} has {len(outputs[id(call)])} outputs: take one, as call[0]")
            return outputs[id(call)]
        several = outputs[id(call.whole)]
        if not isinstance(several, tuple) or not -len(several) <= call.part < len(several):
            count = f"{len(several)} outputs" if isinstance(several, tuple) else "one output"
            raise ValueError(f"{call}: the layer has {count}")
        return several[call.part]

    def _send(self, call: Call, gradient: Wide, sent: dict[int, Any], outputs: Mapping[int, Any]) -> None:
        """Add to the cotangent of a call's output; outputs that nothing uses have cotangent 0."""
        key = id(call.whole or call)
        if isinstance(outputs[key], tuple):
            parts = sent.setdefault(key, [np.zeros_like(one) for one in outputs[key]])
            assert call.part is not None  # else it had not been an input
            parts[call.part] = parts[call.part] + gradient
        else:
            sent[key] = gradient if key not in sent else sent[key] + gradient

    def _cast(self, one: Any, dtype: Number) -> Any:
        """Data in the type that is computed in, made once; what holds no floating-point numbers stays as it is."""
        if not isinstance(one, (np.ndarray, np.floating)) or one.dtype.kind != "f":
            return one
        key = id(one), dtype
        if key not in self._data:
            self._data[key] = one, frozen(np.asarray(one, dtype))
        return self._data[key][1]


def check_finite(name: str, array: Wide) -> None:
    """Raises: ValueError naming the first entry that is NaN or infinite."""
    if not np.all(np.isfinite(array)):
        place = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
        raise ValueError(
            f"{name} holds {array[place]}{f' at {list(place)}' if place else ''}: expected finite numbers"
        )


def frozen(x: Wide) -> Wide:
    """A copy that no layer can write to."""
    copy = np.array(x)
    copy.flags.writeable = False
    return copy


def parted(x: Wide, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Wide]:
    """Views of the parts of a flat vector."""
    parts, start = {}, 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        parts[name] = x[start:stop].reshape(shape)
        start = stop
    return parts
