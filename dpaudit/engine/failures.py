"""What strangers' plug-ins get wrong: it is set aside and named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import attrs

from dpaudit.errors import PluginError
from dpaudit.interfaces import Plugin
from dpaudit.model.measurement import Note, noted
from dpaudit.model.results import Failure
from dpaudit.registry import Registry
from dpaudit.time_limit import limited


@attrs.define
class Failures:
    """Plug-ins that failed, with the task that lacks something for it.

    Attributes
    ----------
    raises
        Whether the first failure is raised and nothing set aside.
    """

    raises: bool = False
    found: list[Failure] = attrs.field(factory=list)
    errors: list[PluginError] = attrs.field(factory=list)

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks that are not measured at all."""
        return frozenset(each.task for each in self.found if not each.audit)

    def add(self, task: str, error: PluginError, *, audit: str = "") -> None:
        """Set a failure aside, or raise it where nothing is set aside."""
        if self.raises:
            raise error
        self.errors.append(error)
        made = Failure(task=task, message=error.message, hint=error.hint or "", audit=audit)
        if made not in self.found:
            self.found.append(made)

    @contextmanager
    def aside(
        self, task: str, strangers: str = "", limit: float | None = None, *, audit: str = ""
    ) -> Iterator[None]:
        """Set aside what goes wrong inside, of which strangers may take ``limit`` seconds."""
        try:
            with limited(limit if strangers else None, f"{strangers} in task {task!r}"):
                yield
        except PluginError as error:
            self.add(task, error, audit=audit)

    def refuse_nothing(self, left: Iterable[object]) -> None:
        """Raise the first failure if nothing is left to report on."""
        if self.errors and not any(True for _ in left):
            raise self.errors[0]

    def notes(self) -> Iterator[Note]:
        """Yield what the report says of each failure."""
        for each in self.found:
            said = noted("“{task}” was not measured: {reason}")
            if each.audit:
                said = noted("“{task}” was not measured by {audit}: {reason}")
            told = said.format(task=each.task, audit=each.audit, reason=each.message)
            yield Note(task=each.task, kind="failure", message=told)


def strangers(registry: Registry, classes: Iterable[type[Plugin]]) -> str:
    """Return the plug-ins from files and third parties as a message names them, or nothing."""
    found = []
    for cls in classes:
        if cls.foreign or registry.is_foreign(cls):
            source = registry.source(cls)
            found.append(f"{cls.kind} {cls.name!r} ({source.distribution or source.module})")
    return " or ".join(dict.fromkeys(found))
