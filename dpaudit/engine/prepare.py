"""What the parent and every worker make of a spec before they measure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from dpaudit import data
from dpaudit.engine.failures import Failures, strangers
from dpaudit.engine.job import Job
from dpaudit.engine.parts import plugins_of
from dpaudit.engine.planner import make_jobs
from dpaudit.engine.tally import Controlled
from dpaudit.model.dataset import Dataset
from dpaudit.model.spec import Spec
from dpaudit.registry import Registry


@attrs.frozen(kw_only=True, eq=False)
class Prepared:
    """A spec with its data read and its jobs made, by task identifier.

    ``failures`` are the tasks that plug-ins have made impossible.
    """

    spec: Spec
    registry: Registry
    data: Dataset
    controlled: Mapping[str, Controlled]
    failures: Failures = attrs.field(factory=Failures)

    def strangers(self, job: Job) -> str:
        """Return the plug-ins of a job that come from outside, as messages name them."""
        named = strangers(self.registry, map(type, plugins_of(job)))
        return named or (f"mitigation {job.task.mitigation!r}" if job.task.foreign else "")


def prepare(
    spec: Spec,
    files: tuple[str, ...] = (),
    registry: Registry | None = None,
    failures: Failures | None = None,
) -> Prepared:
    """Find the plug-ins, read the data, make the jobs and choose their controls.

    Parameters
    ----------
    files
        Plug-in files beyond those that the audit file names.
    registry
        Plug-ins that are loaded already.
    failures
        Tasks to leave out, because their plug-ins have failed elsewhere.
    """
    if registry is None:
        beside = [spec.path.parent / name for name in spec.plugins]
        registry = Registry.discover(files=[*beside, *map(Path, files)])
    dataset = data.read(spec.data, spec.path.parent, registry)
    found = Failures() if failures is None else failures
    jobs = make_jobs(spec, registry, dataset, found)
    controlled: dict[str, Controlled] = {}
    made = Prepared(
        spec=spec, registry=registry, data=dataset, controlled=controlled, failures=found
    )
    for job in jobs:
        with found.aside(job.task.id, made.strangers(job), spec.run.time_limit):
            controlled[job.task.id] = Controlled.choose(job, spec.run.seed, dataset.digest)
    found.refuse_nothing(controlled)
    return made
