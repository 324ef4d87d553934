"""What is known exactly of every task, worked out one task at a time.

Closed forms of many tasks take seconds. None of them is needed to draw, so the draws begin, and
each look at how wide the intervals are works out those of one task more.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dpaudit.engine.rebudget import known_of
from dpaudit.engine.tally import Controlled
from dpaudit.estimators.known import Known


@attrs.define(kw_only=True)
class Exact:
    """What is known of the tasks ``controlled``; ``found`` is what is worked out so far."""

    controlled: Mapping[str, Controlled]
    found: dict[str, Known] = attrs.field(factory=dict)

    def of(self, task: str) -> Known:
        """Return what is known of a task, worked out once."""
        if task not in self.found:
            self.found[task] = known_of(self.controlled[task].job)
        return self.found[task]

    def one_more(self) -> Mapping[str, Known]:
        """Work out the first task that was not, and return what is known by now."""
        task = next((task for task in self.controlled if task not in self.found), None)
        if task is not None:
            self.of(task)
        return self.found
