"""Files that a user names: they are run as the programs that they are, and errors say which of their lines it was."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType

from derive.errors import DerivationError, MissingRuleError, NotationError

__all__ = ["importing_beside", "module_of", "placed"]


def module_of(path: Path) -> ModuleType:
    """The module that a file of the user's is. Raises: NotationError when it does not parse or does not run."""
    if not path.is_file():
        raise NotationError(f"there is no file {str(path)!r}")
    spec = importlib.util.spec_from_file_location(f"user_file_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where the file's own dataclasses look for themselves
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        name = Path(error.filename or path).name
        line = "" if error.lineno is None else f", line {error.lineno}"
        raise NotationError(f"{name}{line}: this does not parse: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise placed(error, {module.__file__ or ""}, path.name) from error
    return module


@contextlib.contextmanager
def importing_beside(path: Path) -> Iterator[None]:
    """While this lasts, a file can import those beside it, as when it is run."""
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def placed(error: BaseException, files: Collection[str], otherwise: str) -> NotationError | MissingRuleError:
    """What went wrong in somebody's file, in one message that begins with its innermost line there."""
    lines = [(f.f_code.co_filename, number) for f, number in traceback.walk_tb(error.__traceback__)]
    here = [f"{Path(name).name}, line {number}" for name, number in lines if name in files]
    kind = MissingRuleError if isinstance(error, MissingRuleError) else NotationError
    return kind(f"{here[-1] if here else otherwise}: {_reason(error)}")


def _reason(error: BaseException) -> str:
    if isinstance(error, (NotationError, MissingRuleError, DerivationError)):
        return str(error)
    missing = re.match(r"Formula\.__init__\(\) missing .*?: (.*)", str(error))
    if missing:
        return f"the formula lacks {missing[1]}; write Formula(id=…, title=…, title_zh=…, program=…, …)"
    return "".join(traceback.format_exception_only(error)).strip()
