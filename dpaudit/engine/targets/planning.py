"""From ``[[attack]]`` of an audit of learners to jobs: the models, and every attack on them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import scipy

from dpaudit import binding
from dpaudit.engine.digests import digest_of, engine_digest, plugin_digest
from dpaudit.engine.job import Grouping
from dpaudit.engine.learning_plan import LearnerJob, dataset_of, versions
from dpaudit.engine.targets.halves import kin
from dpaudit.engine.targets.jobs import MODELS, ShadowJob, TargetJob
from dpaudit.errors import DpauditError, PluginError, SpecError
from dpaudit.interfaces.model_attack import ModelAttack
from dpaudit.model.arrays import BoolArray
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.plan import Task
from dpaudit.model.spec import AttackSpec, Spec
from dpaudit.registry import Registry
from dpaudit.training.data import TrainingData
from dpaudit.training.runs import Arm

_LEAST_PEOPLE = 40

_FEWEST_SHADOWS = 4
"""Models with a person, and without, that an attack needs beside a target."""

Made = tuple[Mapping[str, ShadowJob], Mapping[str, TargetJob]]
"""The models by task, and the attacks on them."""


def make_target_jobs(
    spec: Spec, registry: Registry, data: TrainingData, learners: Mapping[str, LearnerJob]
) -> Made:
    """Make every attack on every learner that it names, at every point.

    Raises
    ------
    SpecError
        If an attack needs what the data or the models do not have, or an attack on models is to be
        compared with a learner whose file has fewer models.
    DpauditError
        Whatever a learner finds wrong with half of the people.
    """
    planner = _Planner(spec=spec, registry=registry, data=data)
    shadows: dict[str, ShadowJob] = {}
    targets: dict[str, TargetJob] = {}
    for wanted in spec.attacks:
        for job in learners.values():
            if wanted.learners and job.task.release not in wanted.learners:
                continue
            models = planner.models(wanted, job)
            shadows.setdefault(models.task.id, models)
            target = planner.target(wanted, job, shadows[models.task.id])
            targets[target.task.id] = target
    return shadows, targets


@attrs.frozen(kw_only=True, eq=False)
class _Planner:
    spec: Spec
    registry: Registry
    data: TrainingData
    promises: dict[str, Guarantee] = attrs.field(factory=dict)

    def models(self, wanted: AttackSpec, job: LearnerJob) -> ShadowJob:
        """Return the models of a learner that an attack is tried on."""
        learner, count = job.learner, wanted.replicates
        given = learner.given_members(self.data)
        every = np.arange(len(self.data.train))
        people, outside = every[: every.size // 2 * 2], every[:0]
        if given is not None:
            count = min(count, len(given))
            inside = given[:count].mean(axis=0)
            people = np.flatnonzero((inside > 0) & (inside < 1))
            outside = np.flatnonzero(inside == 0)
        if people.size < _LEAST_PEOPLE:
            raise SpecError(
                f"[[attack]] {wanted.name!r}: {people.size} people whom some models of "
                f"{job.task.id!r} learn from and others do not are too few",
                hint=f"learn from at least {_LEAST_PEOPLE}",
            )
        if given is None:
            self._check_half(job, people.size)
        arms: tuple[Arm, ...] = ("made",)
        if self._promise(job, people.size).promises and "plain" in learner.arms_apart:
            arms = ("made", "plain")
        content = {
            "engine": engine_digest(),
            "plugin": plugin_digest(self.registry, learner),
            "libraries": [np.__version__, scipy.__version__, *versions().values()],
            "learner": job.task.key,
            "arms": list(arms),
            "people": [int(people.size), int(outside.size)],
            # A last block that is not full holds fewer models.
            "rest": count % MODELS,
            "data": self.data.digest,
            "seed": self.spec.run.seed,
        }
        task = Task(
            id=f"{job.task.id} / {count} models",
            key=digest_of(content),
            release=job.task.release,
            decision="",
            point=job.task.point,
            foreign=job.task.foreign,
        )
        return ShadowJob(
            task=task, learner=learner, replicates=count, people=people, outside=outside,
            arms=arms, seed=self.spec.run.seed, digest=self.data.digest,
        )  # fmt: skip

    def target(self, wanted: AttackSpec, job: LearnerJob, models: ShadowJob) -> TargetJob:
        """Return an attack on the models of a learner."""
        attack = self._attack(wanted, models)
        data, n = self.data, models.people.size
        groups = data.train.groups[models.people]
        present = [g for g in range(len(data.names)) if (groups == g).any()]
        members = tuple(data.names[g] for g in groups)
        grouping = Grouping.of(members, tuple(data.names[g] for g in present))
        content = {"models": models.task.key, "attack": attrs.asdict(wanted.plugin)}
        task = Task(
            id=f"{job.task.id} / {wanted.name}",
            key=digest_of(content | {"plugin": plugin_digest(self.registry, attack)}),
            release=job.task.release,
            decision=wanted.name,
            point=job.task.point,
            foreign=attack.foreign or self.registry.is_foreign(type(attack)),
        )
        return TargetJob(
            task=task,
            spec=attrs.evolve(wanted, replicates=models.replicates),
            attack=attack,
            sizes=np.ones(n),
            candidates="the people learnt from",
            data=dataset_of(data),
            groupings={data.group: grouping},
            guarantee=self._promise(job, n),
            seed=self.spec.run.seed,
            shadows=models,
        )

    def _promise(self, job: LearnerJob, people: int) -> Guarantee:
        """Return what a model of half of the people promises; accounting for it takes a while."""
        if job.task.id not in self.promises:
            given = job.learner.given_members(self.data) is not None
            data = self.data if given else self.data.of(_half(self.data, people))
            self.promises[job.task.id] = job.learner.privacy(data)
        return self.promises[job.task.id]

    def _check_half(self, job: LearnerJob, people: int) -> None:
        if job.task.id in self.promises:
            return
        try:
            job.learner.check(self.data.of(_half(self.data, people)))
        except DpauditError as error:
            raise type(error)(
                f"learner {job.task.id!r}, of half of the people as attacks need it: "
                f"{error.message}",
                hint=error.hint,
            ) from error

    def _attack(self, wanted: AttackSpec, models: ShadowJob) -> ModelAttack:
        made = self.registry.create("attack", wanted.plugin.use, **wanted.plugin.parameters)
        bound = binding.bind(made, dataset_of(self.data), folder=self.spec.path.parent)
        if not isinstance(bound, ModelAttack):
            raise PluginError(
                f"attack {made.name!r} is a {type(made).__name__}, not a ModelAttack",
                hint="beside [training], name an attack on models: dpaudit plugins list",
            )
        where = f"[[attack]] {wanted.name!r}"
        nobody = self.data.held_out is None and not models.outside.size
        if "population" in bound.needs and nobody:
            raise SpecError(
                f"{where} compares with people whom no model has learnt from, and nobody is held "
                "out",
                hint="add split = { test = 0.2 } to [training]; of models made elsewhere, list "
                "people whom none has learnt from",
            )
        if "classes" in bound.needs and not self.data.classes:
            raise SpecError(
                f"{where} asks models for a class, and the label is a number",
                hint="take loss-threshold, lira, rmia or population",
            )
        if "shadows" in bound.needs:
            _check_shadows(where, models, self.data)
        return bound


def _half(data: TrainingData, people: int) -> BoolArray:
    """Return the first half of the people: as good as any where only their number counts."""
    return np.arange(len(data.train)) < people // 2


def _check_shadows(where: str, models: ShadowJob, data: TrainingData) -> None:
    """Refuse models of which too few are left on a side of somebody once a target is taken out."""
    members = models.members(data)
    apart = kin(members).astype(np.int64)
    inside = members.astype(np.int64)
    left = np.minimum(
        inside.sum(axis=0) - apart @ inside, (1 - inside).sum(axis=0) - apart @ (1 - inside)
    )
    if left.min() < _FEWEST_SHADOWS:
        raise SpecError(
            f"{where} needs {_FEWEST_SHADOWS} models on either side of each person beside a "
            f"target and its kin, and of somebody {max(0, int(left.min()))} are left",
            hint="give more models, each learning from a half of the people drawn at random",
        )
