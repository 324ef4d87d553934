"""What an audit returns: measurements, notes, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dpaudit.model.arrays import FloatArray
from dpaudit.model.attack import AttackResult
from dpaudit.model.dataset import Dataset
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.measurement import Measurement, Note
from dpaudit.model.plan import Plan, Task
from dpaudit.model.spec import Spec


@attrs.frozen(kw_only=True)
class PluginSource:
    """Where a plug-in that took part came from.

    ``module`` is a dotted name, or the file's name for a plug-in beside the audit file;
    ``digest`` is the SHA-256 of its source; ``summary`` is its whole docstring.
    """

    kind: str
    name: str
    distribution: str
    version: str
    module: str
    digest: str
    summary: str


@attrs.frozen(kw_only=True)
class Provenance:
    """What a report was made from; the same for every run of the same audit."""

    versions: Mapping[str, str]
    audit_digest: str
    data_digest: str
    seed: int
    draws: int
    confidence: float
    plugins: tuple[PluginSource, ...]


@attrs.frozen(kw_only=True, eq=False)
class TaskResult:
    """One task that was measured.

    ``truth`` is the outcome from the true counts, shape (n,), in ``unit``; ``mechanism``,
    ``postprocess`` and ``output`` are plug-in names; ``parameters`` are the mechanism's, and
    ``adds_noise`` says whether it adds noise of mean zero, ``is_given`` whether its releases
    were made elsewhere. ``together`` is what the release
    promises with those that the audit file names as ``earlier``.
    """

    task: Task
    mechanism: str
    parameters: Mapping[str, object]
    postprocess: tuple[str, ...]
    output: tuple[str, ...]
    guarantee: Guarantee
    unit: str
    truth: FloatArray
    adds_noise: bool = True
    is_given: bool = False
    earlier: tuple[str, ...] = ()
    together: Guarantee | None = None


@attrs.frozen(kw_only=True, eq=False)
class LearnerResult:
    """One learner at one point that was trained.

    ``counted`` are the queries that ``guarantee`` counts, ``arms`` the ways in which it was
    trained, each ``replicates`` times; ``reference`` is what its excess risk is measured against.
    """

    task: Task
    learner: str
    parameters: Mapping[str, object]
    guarantee: Guarantee
    counted: tuple[str, ...]
    replicates: int
    arms: tuple[str, ...]
    reference: str


@attrs.frozen(kw_only=True, eq=False)
class Results:
    """Everything an audit found out, ready to be reported.

    Of an audit of learners ``data`` are the groups of the people learnt from, with their numbers,
    and ``learners`` stand for ``tasks``.
    """

    spec: Spec
    data: Dataset
    plan: Plan
    tasks: tuple[TaskResult, ...]
    measurements: tuple[Measurement, ...]
    notes: tuple[Note, ...]
    provenance: Provenance
    learners: tuple[LearnerResult, ...] = ()
    attacks: tuple[AttackResult, ...] = ()

    def select(
        self,
        *,
        task: str | None = None,
        quantity: str | None = None,
        over: str | None = None,
        per: str | None = None,
    ) -> tuple[Measurement, ...]:
        """Return the measurements that match every given key."""
        wanted = {"task": task, "quantity": quantity, "over": over, "per": per}
        return tuple(
            m
            for m in self.measurements
            if all(value is None or getattr(m, key) == value for key, value in wanted.items())
        )
