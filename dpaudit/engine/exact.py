"""What is known exactly of every task, worked out one task at a time.

Closed forms of many tasks take seconds. None of them is needed to draw, so the draws begin, and
each look at how wide the intervals are works out those of one task more.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dpaudit.engine.prepare import Prepared
from dpaudit.engine.rebudget import known_of
from dpaudit.estimators.known import Known


@attrs.define(kw_only=True)
class Exact:
    """What is known of every task; ``found`` is what is worked out so far.

    Tasks whose plug-ins fail here are set aside in ``prepared.failures``.
    """

    prepared: Prepared
    found: dict[str, Known] = attrs.field(factory=dict)

    def all(self) -> Mapping[str, Known]:
        """Work out what is left, and return what is known of every task that has not failed.

        Raises
        ------
        PluginError
            If the plug-ins of every task have failed.
        """
        for task in self.prepared.controlled:
            self._work_out(task)
        self.prepared.failures.refuse_nothing(self.found)
        return self.found

    def one_more(self) -> Mapping[str, Known]:
        """Work out the first task that was not, and return what is known by now."""
        failed = self.prepared.failures.tasks
        left = (task for task in self.prepared.controlled if task not in self.found)
        task = next((task for task in left if task not in failed), None)
        if task is not None:
            self._work_out(task)
        return self.found

    def _work_out(self, task: str) -> None:
        failures, job = self.prepared.failures, self.prepared.controlled[task].job
        if task in self.found or task in failures.tasks:
            return
        with failures.aside(task, self.prepared.strangers(job), self.prepared.spec.run.time_limit):
            self.found[task] = known_of(job)
