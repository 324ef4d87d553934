"""From ``[training]`` and ``[[learner]]`` to jobs: every learner at every parameter point."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import attrs
import numpy as np
import scipy

from dpaudit import binding, config
from dpaudit.engine.chunks import Chunk
from dpaudit.engine.digests import digest_of, engine_digest, plugin_digest
from dpaudit.engine.failures import Failures, strangers
from dpaudit.engine.labels import label
from dpaudit.engine.targets.jobs import ShadowJob, TargetJob
from dpaudit.errors import DpauditError, PluginError, SpecError
from dpaudit.interfaces import Audit, Learner
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Plan, Task
from dpaudit.model.spec import LearnerSpec, Spec
from dpaudit.model.training import REFERENCES, TrainingSpec
from dpaudit.parameters import parameters
from dpaudit.registry import Registry
from dpaudit.training.data import TrainingData
from dpaudit.training.runs import Arm

RUNS = 50
"""Replicates in a block: what is trained at once, whatever the number of workers."""

_LIBRARIES = ("torch", "opacus", "scikit-learn", "dp-accounting")

_FEWEST = 2
"""Runs of a random learner from which a spread can be told."""


@attrs.frozen(kw_only=True, eq=False)
class LearnerJob:
    """One learner at one parameter point, ready to be trained.

    ``arms`` are those that are trained; ``replicates`` is 1 for a learner without randomness.
    """

    task: Task
    spec: LearnerSpec
    learner: Learner
    replicates: int
    arms: tuple[Arm, ...]

    @property
    def at_once(self) -> int:
        """How many are trained in a block."""
        return RUNS

    def train(self, data: TrainingData, block: int, seed: int) -> dict[str, np.ndarray]:
        """Return what the runs of a block keep, by ``arm/array``.

        Raises
        ------
        PluginError
            If the learner fails: the message names it and repeats what it raised.
        """
        first = block * RUNS
        chosen = range(first, min(first + RUNS, self.replicates))
        try:
            return {
                f"{arm}/{name}": rows
                for arm in self.arms
                for name, rows in self.learner.train(data, chosen, seed, arm).packed().items()
            }
        except DpauditError:
            raise
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise PluginError(
                f"learner {self.learner.name!r} failed in task {self.task.id!r}: {said}",
                hint="see whether every group and class has records enough to learn from",
            ) from error


@attrs.frozen(kw_only=True, eq=False)
class PreparedLearning:
    """A spec with its people read and its jobs made, by task identifier.

    ``jobs`` are what audits look at, ``shadows`` the models that ``targets``, the attacks, look at.
    ``failures`` are the learners that could not be trained.
    """

    spec: Spec
    registry: Registry
    training: TrainingData
    data: Dataset
    jobs: Mapping[str, LearnerJob]
    shadows: Mapping[str, ShadowJob] = attrs.field(factory=dict)
    targets: Mapping[str, TargetJob] = attrs.field(factory=dict)
    failures: Failures = attrs.field(factory=Failures)

    @property
    def trainable(self) -> Mapping[str, LearnerJob | ShadowJob]:
        """What is trained: for audits, where there are any, and for attacks."""
        return {**(self.jobs if self.spec.audits else {}), **self.shadows}

    @property
    def signatures(self) -> dict[str, tuple[str, bool]]:
        """What tells whether another process has made the same jobs."""
        return {task: (job.task.key, False) for task, job in self.trainable.items()}

    @property
    def seed(self) -> int:
        """The seed of all training: of the run and the data, and of no learner."""
        return training_seed(self.spec.run.seed, self.training.digest)

    def measure(self, tasks: tuple[str, ...], chunk: Chunk) -> dict[str, dict[str, np.ndarray]]:
        """Return what the runs of a block keep, by task."""
        return {
            task: self.trainable[task].train(self.training, chunk.first, self.seed)
            for task in tasks
        }

    def culprits(self, task: str) -> str:
        """Return the learner of a task if it comes from outside, as messages name it."""
        if task in self.targets:
            return strangers(self.registry, [type(self.targets[task].attack)])
        job = self.jobs[task] if task in self.jobs else self.shadows[task]
        return strangers(self.registry, [type(job.learner)])


def training_seed(seed: int, digest: str) -> int:
    """Return the seed that all learners share."""
    found = hashlib.sha256(f"{seed} {digest}".encode()).digest()
    return int.from_bytes(found[:12], "big")


def dataset_of(data: TrainingData) -> Dataset:
    """Return the groups of the people learnt from as a data set: what a report names."""
    return Dataset(
        source=data.source,
        digest=data.digest,
        entities=data.names,
        names=data.names,
        counts=data.train.sizes.astype(np.float64),
        count="records",
        columns={},
        status=data.status,
        assumptions=data.assumptions,
    )


def learner_plan(prepared: PreparedLearning) -> Plan:
    """Return the plan of an audit; a draw is a run, or a model, of the longest of its jobs."""
    longest = max(prepared.trainable.values(), key=lambda job: job.replicates)
    return Plan(
        tasks=tuple(job.task for job in prepared.jobs.values()),
        draws=longest.replicates,
        blocks=-(-longest.replicates // longest.at_once),
    )


def make_learner_jobs(spec: Spec, registry: Registry, data: TrainingData) -> tuple[LearnerJob, ...]:
    """Make every learner at every point, and hold each to its conditions.

    Raises
    ------
    SpecError
        If a reference is not to be had, or ``against`` has no such point.
    DpauditError
        Whatever a learner finds wrong with its parameters or the data.
    """
    planner = _Planner(spec=spec, registry=registry, data=data)
    jobs = tuple(job for learner in spec.learners for job in planner.jobs(learner))
    twice = [name for name, n in Counter(job.task.id for job in jobs).items() if n > 1]
    if twice:
        raise SpecError(
            f"two tasks are called {twice[0]!r}", hint="give learners names that differ"
        )
    reference = training_of(spec).reference
    for job in jobs if reference not in REFERENCES else ():
        other = at_point(job, reference, jobs)
        if other.replicates not in {1, job.replicates}:
            raise SpecError(
                f"the reference {other.task.id!r} is trained {other.replicates} times and "
                f"{job.task.id!r} {job.replicates} times",
                hint="give both the same replicates",
            )
    return tuple(_against(job, jobs) for job in jobs)


@attrs.frozen(kw_only=True, eq=False)
class _Planner:
    spec: Spec
    registry: Registry
    data: TrainingData

    def jobs(self, spec: LearnerSpec) -> Iterator[LearnerJob]:
        """Yield a learner at each of its points; one from outside may not hang."""
        cls = self.registry.get("learner", spec.plugin.use)
        swept = config.swept(spec.plugin, cls)
        culprits, limit = strangers(self.registry, [cls]), self.spec.run.time_limit
        for point in config.points(spec.plugin, cls):
            values = {name: point[name] for name in swept}
            with Failures(raises=True).aside(label(spec.name, values), culprits, limit):
                job = self._job(spec, point, values)
            yield job

    def _job(
        self, spec: LearnerSpec, point: Mapping[str, Any], values: Mapping[str, Any]
    ) -> LearnerJob:
        made = self.registry.create("learner", spec.plugin.use, **point)
        bound = binding.bind(made, dataset_of(self.data), folder=self.spec.path.parent)
        learner = cast("Learner", bound)
        named = label(spec.name, values)
        try:
            learner.check(self.data)
        except DpauditError as error:
            raise type(error)(f"learner {named!r}: {error.message}", hint=error.hint) from error
        arms = self._arms(learner, named)
        if learner.randomised and spec.replicates < _FEWEST:
            raise SpecError(
                f"learner {named!r}: replicates = {spec.replicates} says nothing of how much runs "
                "of a random learner differ",
                hint=f"give at least {_FEWEST}, and 30 or more for narrow intervals",
            )
        replicates = spec.replicates if learner.randomised else 1
        task = Task(
            id=named,
            key=self._key(learner, point, arms, replicates),
            release=spec.name,
            decision="",
            point=dict(values),
            foreign=learner.foreign or self.registry.is_foreign(type(learner)),
            mitigation=None if spec.against is None else spec.name,
        )
        return LearnerJob(task=task, spec=spec, learner=learner, replicates=replicates, arms=arms)

    def _arms(self, learner: Learner, named: str) -> tuple[Arm, ...]:
        """Return the arms that the audits ask for and the learner has."""
        wanted: set[Arm] = {"made"}
        if not self.spec.audits:
            return ("made",)
        for audit in self.spec.audits:
            wanted |= cast("type[Audit]", self.registry.get("audit", audit.audit.use)).arms
        reference = training_of(self.spec).reference
        if reference == "sgd":
            if "plain" not in learner.arms:
                raise SpecError(
                    f"learner {named!r} cannot be trained without protection, which "
                    'reference = "sgd" compares with',
                    hint='say reference = "optimum" or the name of another learner in [training]',
                )
            wanted.add("plain")
        elif reference == "optimum" and learner.optimum(self.data) is None:
            raise SpecError(
                f'learner {named!r} has no exact minimiser, which reference = "optimum" compares '
                "with",
                hint='say reference = "sgd" or the name of another learner in [training]',
            )
        return tuple(arm for arm in learner.arms if arm in wanted)

    def _key(
        self, learner: Learner, point: Mapping[str, Any], arms: tuple[Arm, ...], replicates: int
    ) -> str:
        content = {
            "engine": engine_digest(),
            "plugin": plugin_digest(self.registry, learner),
            "libraries": [np.__version__, scipy.__version__, *versions().values()],
            "point": dict(point),
            "arms": list(arms),
            # A last block that is not full holds fewer runs.
            "rest": replicates % RUNS,
            "data": self.data.digest,
            "seed": self.spec.run.seed,
        }
        return digest_of(content)


def training_of(spec: Spec) -> TrainingSpec:
    """Return ``[training]``, which an audit of learners has."""
    if spec.training is None:
        raise SpecError("the audit file has no [training]", hint="add it, with [[learner]]")
    return spec.training


def versions() -> dict[str, str]:
    """Return the versions of the libraries that learners use, as far as they are installed."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _against(job: LearnerJob, jobs: tuple[LearnerJob, ...]) -> LearnerJob:
    """Return a job that knows the task of the learner that it mitigates, at the same point."""
    if job.spec.against is None:
        return job
    other = at_point(job, job.spec.against, jobs)
    return attrs.evolve(job, task=attrs.evolve(job.task, baseline=other.task.id))


def at_point(job: LearnerJob, name: str, jobs: Iterable[LearnerJob]) -> LearnerJob:
    """Return the learner ``name`` where whatever it sweeps has the value that it has in ``job``.

    Raises
    ------
    SpecError
        If there is none.
    """
    for other in jobs:
        point = other.task.point.items()
        same = all(_value(job, key) in {_MISSING, value} for key, value in point)
        if other.spec.name == name and same:
            return other
    raise SpecError(
        f"learner {job.task.id!r} is compared with {name!r}, which is not at the same point",
        hint="let both sweep the same values",
    )


_MISSING = object()


def _value(job: LearnerJob, name: str) -> object:
    known = parameters(type(job.learner))
    return getattr(job.learner, known[name].field.name) if name in known else _MISSING
