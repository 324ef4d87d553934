"""What can go wrong, by what the caller should do about it.

===================  =====================================================  =========
class                raised when                                            exit code
===================  =====================================================  =========
``SpecError``        the audit file (or a parameter in it) is wrong         2
``DataError``        the data are wrong                                     2
``UsageError``       a command or a call is wrong                           2
``UnavailableError`` something the run needs is not installed               2
``DisclosureError``  something confidential would have been printed         2
``PluginError``      a plug-in failed                                       3
===================  =====================================================  =========

Every message is one line that names the place, repeats the value and, in ``hint``, says the
next step. Anything that is not a :class:`DpauditError` is a defect of dpaudit itself.
"""

from __future__ import annotations

import enum
from typing import ClassVar


class ExitCode(enum.IntEnum):
    """How a command ended; when several apply, the first in ``PRECEDENCE`` wins."""

    DONE = 0
    THRESHOLD = 1
    WRONG_INPUT = 2
    FAILED = 3
    CANNOT_TELL = 4
    INTERRUPTED = 130


PRECEDENCE = (
    ExitCode.INTERRUPTED,
    ExitCode.WRONG_INPUT,
    ExitCode.FAILED,
    ExitCode.THRESHOLD,
    ExitCode.CANNOT_TELL,
    ExitCode.DONE,
)


class DpauditError(Exception):
    """The parent of every error that a user of dpaudit can mend.

    Parameters
    ----------
    message
        One line that names the place and repeats the value.
    hint
        The next step, without a full stop.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.WRONG_INPUT

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  help: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.hint))


class SpecError(DpauditError):
    """The audit file, or a parameter in it, is wrong."""


class DataError(DpauditError):
    """The data are wrong: the message names file, row and column."""


class UsageError(DpauditError):
    """A command or a call is wrong."""


class UnavailableError(DpauditError):
    """Something that this run needs (a library, a file) is not installed."""


class DisclosureError(DpauditError):
    """Something confidential would have left the house: the message tells nothing of it."""


class PluginError(DpauditError):
    """A plug-in failed: the message names it and where it comes from."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


def _rebuild(cls: type[DpauditError], message: str, hint: str | None) -> DpauditError:
    """Rebuild an error that crossed a process boundary."""
    return cls(message, hint=hint)
