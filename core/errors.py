"""The errors people read: what happened, and what to do about it."""

from __future__ import annotations


class AkinError(Exception):
    """A problem that the user can understand and act on.

    Attributes:
        message: One sentence that says what happened.
        hint: One sentence that says what to do.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[type[AkinError], tuple[str, str]]:
        return type(self), (self.message, self.hint)


class DataError(AkinError):
    """A data set, an annotation or an image that cannot be used."""


class RankingError(AkinError):
    """A ranking that makes no sense, or a ranking file that cannot be read."""


class ConfigError(AkinError):
    """A configuration with an unknown key or an impossible value.

    Attributes:
        key: The dotted key at fault, such as ``optimizer.learning_rate``; empty if none is.
    """

    def __init__(self, message: str, hint: str = "", key: str = "") -> None:
        super().__init__(message, hint)
        self.key = key

    def __reduce__(self) -> tuple[type[AkinError], tuple[str, str, str]]:  # type: ignore[override]
        return type(self), (self.message, self.hint, self.key)


class RunError(AkinError):
    """A run directory that cannot be created, read or continued."""


class DeviceError(AkinError):
    """A compute device that is not there or ran out of memory."""
