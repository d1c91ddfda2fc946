"""What the user is told besides errors: one line each, through one channel, with a severity."""

from collections.abc import Callable
from typing import Literal, Self

Severity = Literal["notice", "warning"]
"""A notice says what was done; a warning, that the result may not be what is wanted."""


class Message(str):
    """One line for the user. It is a string, so that any function of strings can take it."""

    severity: Severity

    def __new__(cls, text: str, severity: Severity = "notice") -> Self:
        message = super().__new__(cls, text)
        message.severity = severity
        return message


def counted(count: int, one: str) -> str:
    """A number of things in words: "1 frame", "2 frames"."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


Notify = Callable[[Message], None]
"""The channel: takes what to tell the user, as it happens."""


def warning(text: str) -> Message:
    """A message that the result may not be what is wanted."""
    return Message(text, "warning")
