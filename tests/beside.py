"""What lies beside the tests and is not installed: problems, PyTorch's layers, wrong passes, functions, networks."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


def classic_problems() -> dict[str, Any]:
    """All classic problems, by their names."""
    return dict(_module("benchmarks.classics").PROBLEMS)


def peers() -> Any:
    """The layers as PyTorch has them. Raises: ImportError where PyTorch is not installed."""
    return _module("benchmarks.peers")


def mistakes() -> Any:
    """Wrong backward passes, ``MISTAKES``, and right ones in hard places, ``CORRECT``."""
    return _module("benchmarks.mistakes")


def critical_functions() -> Any:
    """Functions with known critical points, ``PROBLEMS``, and points of large functions, ``INDICES``."""
    return _module("benchmarks.critical_functions")


def critical_matching() -> Any:
    """What compares points that were found with those that are known."""
    return _module("benchmarks.critical_matching")


def critical_peers() -> Any:
    """Other ways to find critical points."""
    return _module("benchmarks.critical_peers")


def network_theories() -> Any:
    """Networks of which theory knows the critical points: ``networks``, and what makes them."""
    return _module("benchmarks.critical_functions.networks")


def _module(name: str) -> Any:
    if "benchmarks" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "benchmarks", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules["benchmarks"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["benchmarks"])
    return importlib.import_module(name)
