"""From a spec to jobs: every release, parameter point and decision, with plug-ins made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import attrs
import numpy as np
import scipy

from dpaudit import binding, config, data
from dpaudit.engine.attacks.jobs import AttackJob, AttackPlanner
from dpaudit.engine.digests import digest_of, engine_digest, plugin_digest
from dpaudit.engine.failures import Failures, strangers
from dpaudit.engine.job import Grouping, Job
from dpaudit.engine.labels import label
from dpaudit.engine.mitigate import applies, mitigated, pipeline_of, refuse_true_counts
from dpaudit.engine.parts import parts, plugins_of
from dpaudit.engine.rows import by_rows, refuse_mixing
from dpaudit.engine.rule import Rule
from dpaudit.engine.steps import told
from dpaudit.errors import PluginError, SpecError
from dpaudit.estimators.chain import Chain
from dpaudit.interfaces import (
    Audit,
    Decision,
    Extra,
    Kind,
    Mechanism,
    Mitigation,
    Plugin,
    PostProcessor,
)
from dpaudit.model.arrays import frozen_floats
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Plan, Task
from dpaudit.model.spec import DecisionSpec, PluginUse, ReleaseSpec, Spec
from dpaudit.model.structure import Proportional
from dpaudit.parameters import parameters as known_parameters
from dpaudit.registry import Registry
from dpaudit.stats.streams import BLOCK, blocks_for

P = TypeVar("P", bound=Plugin)


def make_plan(spec: Spec, registry: Registry, dataset: Dataset) -> Plan:
    """Return the plan of an audit without measuring anything."""
    return plan_of(spec, make_jobs(spec, registry, dataset)[0])


def plan_of(spec: Spec, jobs: tuple[Job, ...]) -> Plan:
    """Return the plan that ``jobs`` carry out."""
    blocks = blocks_for(spec.run.draws)
    return Plan(tasks=tuple(job.task for job in jobs), draws=blocks * BLOCK, blocks=blocks)


def make_jobs(
    spec: Spec, registry: Registry, dataset: Dataset, failures: Failures | None = None
) -> tuple[tuple[Job, ...], tuple[AttackJob, ...]]:
    """Make and bind the plug-ins of every task, and of every attack, as in the audit file.

    A task whose plug-ins fail is set aside in ``failures``, where that is given, and those that
    are in it already are left out.

    Raises
    ------
    SpecError, DataError, PluginError
        If a plug-in cannot be made from its parameters or bound to the data.
    """
    groupings = {
        name: Grouping.of(members, data.group_order(dataset, name))
        for name, members in dataset.groups.items()
    }
    _refuse(groupings)
    needs = (cast("type[Audit]", registry.get("audit", a.audit.use)).needs for a in spec.audits)
    planner = _Planner(
        spec=spec,
        registry=registry,
        data=dataset,
        groupings=groupings,
        extras=frozenset().union(*needs),
        failures=failures or Failures(raises=True),
    )
    tried = (
        planner.tried(release, point, decision)
        for release in spec.releases
        for point in config.points(
            release.mechanism, registry.get("mechanism", release.mechanism.use)
        )
        for decision in planner.decisions(release)
    )
    jobs = tuple(job for job in tried if job is not None)
    planner.failures.refuse_nothing(jobs)
    jobs += planner.mitigated(jobs)
    attacks = AttackPlanner(
        spec=spec,
        registry=registry,
        data=dataset,
        groupings=groupings,
        chain=planner.released,
        label=label,
        failures=planner.failures,
    ).jobs()
    names = Counter([*(job.task.id for job in jobs), *(job.task.id for job in attacks)])
    if twice := [name for name, count in names.items() if count > 1]:
        raise SpecError(
            f"two tasks are called {twice[0]!r}",
            hint="give releases, decisions and attacks names that differ, and name no value twice",
        )
    return jobs, attacks


def _refuse(groupings: Mapping[str, Grouping]) -> None:
    """Refuse what would otherwise be passed over in silence."""
    for name in ("entity", "total"):
        if name in groupings:
            raise SpecError(
                f"[data] groups: a grouping cannot be called {name!r}",
                hint="rename the column: the name is taken by the audit itself",
            )


@attrs.frozen(kw_only=True, eq=False)
class _Planner:
    spec: Spec
    registry: Registry
    data: Dataset
    groupings: Mapping[str, Grouping]
    extras: frozenset[Extra]
    failures: Failures

    def decisions(self, release: ReleaseSpec) -> tuple[DecisionSpec, ...]:
        """Return the decisions that can be made from what a release gives."""
        mechanism = cast("type[Mechanism]", self.registry.get("mechanism", release.mechanism.use))
        fitting = tuple(
            each
            for each in self.spec.decisions
            if cast("type[Decision]", self.registry.get("decision", each.decision.use)).takes
            == mechanism.gives
        )
        if not fitting:
            raise SpecError(
                f"release {release.name!r}: mechanism {mechanism.name!r} gives {mechanism.gives}, "
                "and no [[decision]] takes that",
                hint=f'add [[decision]] with use = "{mechanism.gives}"',
            )
        return fitting

    def tried(
        self, release: ReleaseSpec, point: dict[str, Any], decided: DecisionSpec
    ) -> Job | None:
        """Make one job, unless its plug-ins fail."""
        task = self._id(release, point, decided)
        if task in self.failures.tasks:
            return None
        named: list[tuple[Kind, str]] = [("mechanism", release.mechanism.use)]
        named += [("postprocessor", use.use) for use in (*release.postprocess, *decided.output)]
        named += [("decision", each.decision.use) for each in self._used(decided)]
        culprits = strangers(self.registry, (self.registry.get(*each) for each in named))
        with self.failures.aside(task, culprits, self.spec.run.time_limit):
            return self.job(release, point, decided)
        return None

    def _id(self, release: ReleaseSpec, point: dict[str, Any], decided: DecisionSpec) -> str:
        mechanism = self.registry.get("mechanism", release.mechanism.use)
        values = {name: point[name] for name in config.swept(release.mechanism, mechanism)}
        return f"{label(release.name, values)} / {decided.name}"

    def job(self, release: ReleaseSpec, point: dict[str, Any], decided: DecisionSpec) -> Job:
        """Make one job: every plug-in of it, bound to the data."""
        decision = self._decision(decided)
        chain = self._chain(release, point, decided, decision)
        mechanism, steps = chain.mechanism, chain.steps
        declared = decision.structure(len(self.data))
        shared = declared.total if isinstance(declared, Proportional) else None
        output = self._steps(decided.output, shared, f"decision {decided.name!r}", None)
        _refuse_true_total(output, f"decision {decided.name!r}")
        swept = config.swept(release.mechanism, type(mechanism))
        values = {name: point[name] for name in swept}
        plugins = (mechanism, *steps, *parts(decision), *output)
        task = Task(
            id=self._id(release, point, decided),
            key=self._key(release, point, decided, plugins),
            release=release.name,
            decision=decided.name,
            point=values,
            foreign=any(
                plugin.foreign or self.registry.is_foreign(type(plugin)) for plugin in plugins
            ),
        )
        return Job.make(task, chain, decision, output, groupings=self.groupings, extras=self.extras)

    def mitigated(self, jobs: tuple[Job, ...]) -> tuple[Job, ...]:
        """Return what every mitigation makes of the jobs that it applies to."""
        made: list[Job] = []
        for spec in self.spec.mitigations:
            use = spec.plugin
            named = self.registry.create("mitigation", use.use, **use.parameters)
            refuse_true_counts(named, self.spec.data.true_counts)
            mitigation = self._bound(Mitigation, named, None)
            tried = (
                (job, self._applied(job, spec.name, mitigation, use))
                for job in jobs
                if not spec.releases or job.task.release in spec.releases
            )
            fitting = [job for job in tried if job[1] is not None]
            made += [job for _, job in fitting if isinstance(job, Job)]
            if not fitting:
                raise SpecError(
                    f"[[mitigation]] {spec.name!r} applies to no release and decision",
                    hint=f"dpaudit plugins show {use.use} says what it is made for",
                )
        return tuple(made)

    def _applied(
        self, job: Job, name: str, mitigation: Mitigation, use: PluginUse
    ) -> Job | bool | None:
        """Return what a mitigation makes of a job, ``True`` where it fails, ``None`` for none."""
        task = f"{job.task.id} + {name}"
        if task in self.failures.tasks:
            return True
        classes = (type(mitigation), *map(type, plugins_of(job)))
        culprits = strangers(self.registry, classes)
        digest = plugin_digest(self.registry, mitigation, attrs.asdict(use))
        foreign = mitigation.foreign or self.registry.is_foreign(type(mitigation))
        with self.failures.aside(task, culprits, self.spec.run.time_limit):
            pipeline = pipeline_of(job, self._create)
            if not applies(mitigation, pipeline, job.task.id):
                return None
            return mitigated(job, pipeline, name, mitigation, digest=digest, foreign=foreign)
        return True

    def _create(self, kind: Kind, use: str, /, **parameters: Any) -> Plugin:
        """Make a plug-in for a mitigation; a total that is not given stays open.

        It may not name a column of true counts: what a mitigation makes is public.
        """
        named = self.registry.create(kind, use, **parameters)
        refuse_true_counts(named, self.spec.data.true_counts)
        return self._bound(Plugin, named, None)

    def _decision(self, decided: DecisionSpec) -> Decision:
        """Make a decision, of those above it in the audit file where it is made of others."""
        use = decided.decision
        made = self.registry.create("decision", use.use, **use.parameters)
        above = self.spec.decisions[: self.spec.decisions.index(decided)]
        return self._bound(Decision, made, None, above)

    def _rules(self, decided: tuple[DecisionSpec, ...]) -> dict[str, Decision]:
        """Return decisions by name, each taking rows of counts."""
        made = {each.name: self._decision(each) for each in decided}
        return {
            each.name: Rule(
                decision=made[each.name],
                position=None if made[each.name].rows else self._position(each),
            )
            for each in decided
        }

    def _position(self, decided: DecisionSpec) -> int:
        """Return which of the counts a decision reads that takes one of each entity."""
        return 0 if decided.count is None else self.data.count_names.index(decided.count)

    def _chain(
        self,
        release: ReleaseSpec,
        point: dict[str, Any],
        decided: DecisionSpec,
        decision: Decision,
    ) -> Chain:
        """Return the release that a decision is made from: of one count, or of all of them."""
        width = len(self.data.count_names) if decision.rows else 1
        return self.released(release, point, width, self._position(decided))

    def released(
        self, release: ReleaseSpec, point: dict[str, Any], width: int = 1, position: int = 0
    ) -> Chain:
        """Return a release of one of the counts of each entity, or of all of them."""
        where = f"release {release.name!r}"
        counts = self.data.rows[:, position]
        mechanism = self._mechanism(release, point)
        if width > 1:
            counts = self.data.rows.ravel()
            mechanism = by_rows(mechanism, len(self.data), width, where)
        steps = self._steps(release.postprocess, float(counts.sum()), where, mechanism)
        if width > 1:
            refuse_mixing(steps, where)
        return Chain(
            counts=frozen_floats(counts),
            mechanism=mechanism,
            steps=steps,
            hierarchy=self.data.hierarchy if width == 1 else None,
            width=width,
        )

    def _mechanism(self, release: ReleaseSpec, point: dict[str, Any]) -> Mechanism:
        touched = {"cells_per_person": len(self.data.count_names)} if self.data.also else {}
        parameters = {**touched, "neighbours": release.neighbours, **point}
        total = self.data.total
        made = self._made(Mechanism, "mechanism", release.mechanism.use, parameters, total)
        columns = [name for name, one in known_parameters(type(made)).items() if one.is_column]
        named = [name for name in columns if point.get(name) in self.spec.data.true_counts]
        if named and made.protects:
            raise SpecError(
                f"release {release.name!r}: {named[0]} is the column of true counts "
                f"{point[named[0]]!r}: noise that depends on them protects nobody",
                hint="name a column that is public, such as an earlier release",
            )
        return made

    def _steps(
        self,
        uses: tuple[PluginUse, ...],
        total: float | None,
        where: str,
        mechanism: Mechanism | None,
    ) -> tuple[PostProcessor, ...]:
        """Make the steps of a chain, telling each what noise it sees."""
        made = (
            self._made(PostProcessor, "postprocessor", use.use, use.parameters, total)
            for use in uses
        )
        return tuple(told(tuple(made), mechanism, self.data.hierarchy, where))

    def _made(
        self,
        base: type[P],
        kind: Kind,
        use: str,
        parameters: Mapping[str, Any],
        total: float | None,
    ) -> P:
        return self._bound(base, self.registry.create(kind, use, **parameters), total)

    def _bound(
        self,
        base: type[P],
        plugin: Plugin,
        total: float | None,
        above: tuple[DecisionSpec, ...] = (),
    ) -> P:
        named = any(p.takes_rules for p in known_parameters(type(plugin)).values())
        bound = binding.bind(
            plugin,
            self.data,
            total=total,
            folder=self.spec.path.parent,
            decisions=self._rules(above) if named else None,
        )
        if not isinstance(bound, base):
            raise PluginError(
                f"{plugin.kind} {plugin.name!r} is a {type(bound).__name__}, not a {base.__name__}",
                hint=f"inherit from dpaudit.{base.__name__}",
            )
        return bound

    def _used(self, decided: DecisionSpec) -> tuple[DecisionSpec, ...]:
        """Return a decision with all that it may be made of."""
        use = decided.decision
        known = known_parameters(self.registry.get("decision", use.use))
        if not any(parameter.takes_rules for parameter in known.values()):
            return (decided,)
        return self.spec.decisions[: self.spec.decisions.index(decided) + 1]

    def _key(
        self,
        release: ReleaseSpec,
        point: Mapping[str, Any],
        decided: DecisionSpec,
        plugins: tuple[Plugin, ...],
    ) -> str:
        content = {
            "engine": engine_digest(),
            "plugins": [plugin_digest(self.registry, plugin) for plugin in plugins],
            "libraries": [np.__version__, scipy.__version__],
            "mechanism": [release.mechanism.use, dict(point), release.neighbours],
            "postprocess": [attrs.asdict(use) for use in release.postprocess],
            "decision": [attrs.asdict(each.decision) for each in self._used(decided)],
            "count": [each.count for each in self._used(decided)],
            "output": [attrs.asdict(use) for use in decided.output],
            "extras": sorted(self.extras),
            "data": self.data.digest,
            "seed": self.spec.run.seed,
        }
        return digest_of(content)


def _refuse_true_total(output: tuple[PostProcessor, ...], where: str) -> None:
    """Refuse steps of outcomes that would keep the true sum: nobody has said that it is public."""
    for step in output:
        for name, parameter in known_parameters(type(step)).items():
            if parameter.is_total and getattr(step, parameter.field.name) is None:
                raise SpecError(
                    f"{where}: the output step {step.name!r} keeps a total, and the sum of the "
                    "true outcomes is not public",
                    hint=f"add {name} = NUMBER to the step, the public sum of outcomes",
                )
