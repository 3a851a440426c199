"""The errors that this toolkit raises on purpose. Each message says what to do."""

__all__ = ["DerivationError", "MissingRuleError", "NotationError", "WrongResultError"]


class NotationError(ValueError):
    """What was written is no formula: an unknown name, a missing axis, one index with two sizes."""


class MissingRuleError(NotImplementedError):
    """There is no law for an operation. Nothing is ever differentiated to zero for want of a law."""


class DerivationError(RuntimeError):
    """A derivation does not hold together, or its check disagrees. This is an error of the toolkit itself."""


class WrongResultError(DerivationError):
    """The check of a result disagrees with it: it is refused. ``report`` is a Python file that shows it again."""

    def __init__(self, message: str, report: str) -> None:
        super().__init__(
            f"{message}\nThis is an error of the toolkit: please send its authors .report of this error."
        )
        self.what = message
        self.report = report
