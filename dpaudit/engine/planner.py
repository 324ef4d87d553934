"""From a spec to jobs: every release, parameter point and decision, with plug-ins made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import attrs

from dpaudit import binding, config, data
from dpaudit.engine.job import Grouping, Job
from dpaudit.errors import PluginError, SpecError
from dpaudit.estimators.chain import Chain
from dpaudit.interfaces import Decision, Kind, Mechanism, Plugin, PostProcessor
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Plan, Task
from dpaudit.model.spec import DecisionSpec, PluginUse, ReleaseSpec, Spec
from dpaudit.registry import Registry
from dpaudit.stats.streams import BLOCK, blocks_for

P = TypeVar("P", bound=Plugin)


def make_plan(spec: Spec, registry: Registry, dataset: Dataset) -> Plan:
    """Return the plan of an audit without measuring anything."""
    return plan_of(spec, make_jobs(spec, registry, dataset))


def plan_of(spec: Spec, jobs: tuple[Job, ...]) -> Plan:
    """Return the plan that ``jobs`` carry out."""
    blocks = blocks_for(spec.run.draws)
    return Plan(tasks=tuple(job.task for job in jobs), draws=blocks * BLOCK, blocks=blocks)


def make_jobs(spec: Spec, registry: Registry, dataset: Dataset) -> tuple[Job, ...]:
    """Make and bind the plug-ins of every task, in the order of the audit file.

    Raises
    ------
    SpecError, DataError, PluginError
        If a plug-in cannot be made from its parameters or bound to the data.
    """
    groupings = {
        name: Grouping.of(members, data.group_order(dataset, name))
        for name, members in dataset.groups.items()
    }
    planner = _Planner(spec=spec, registry=registry, data=dataset, groupings=groupings)
    return tuple(
        planner.job(release, point, decision)
        for release in spec.releases
        for point in config.points(
            release.mechanism, registry.get("mechanism", release.mechanism.use)
        )
        for decision in spec.decisions
    )


@attrs.frozen(kw_only=True, eq=False)
class _Planner:
    spec: Spec
    registry: Registry
    data: Dataset
    groupings: Mapping[str, Grouping]

    def job(self, release: ReleaseSpec, point: dict[str, Any], decided: DecisionSpec) -> Job:
        """Make one job: every plug-in of it, bound to the data."""
        mechanism = self._mechanism(release, point)
        steps = self._steps(release.postprocess, self.data.total)
        use = decided.decision
        decision = self._made(Decision, "decision", use.use, use.parameters, None)
        outcome = decision.decide(self.data.counts)
        output = self._steps(decided.output, float(outcome.sum()))
        swept = config.swept(release.mechanism, type(mechanism))
        values = {name: point[name] for name in swept}
        plugins = (mechanism, *steps, decision, *output)
        task = Task(
            id=f"{_label(release.name, values)} / {decided.name}",
            key=self._key(release, point, decided, plugins),
            release=release.name,
            decision=decided.name,
            point=values,
            foreign=any(self.registry.is_foreign(type(plugin)) for plugin in plugins),
        )
        chain = Chain(counts=self.data.counts, mechanism=mechanism, steps=steps)
        return Job.make(task, chain, decision, output, self.groupings)

    def _mechanism(self, release: ReleaseSpec, point: dict[str, Any]) -> Mechanism:
        parameters = {"neighbours": release.neighbours, **point}
        total = self.data.total
        made = self._made(Mechanism, "mechanism", release.mechanism.use, parameters, total)
        if made.takes != "counts" or made.gives != "counts":
            raise SpecError(
                f"release {release.name!r}: mechanism {made.name!r} takes {made.takes} and "
                f"gives {made.gives}",
                hint="a decision needs a mechanism from counts to counts",
            )
        return made

    def _steps(self, uses: tuple[PluginUse, ...], total: float) -> tuple[PostProcessor, ...]:
        return tuple(
            self._made(PostProcessor, "postprocessor", use.use, use.parameters, total)
            for use in uses
        )

    def _made(
        self,
        base: type[P],
        kind: Kind,
        use: str,
        parameters: Mapping[str, Any],
        total: float | None,
    ) -> P:
        plugin = self.registry.create(kind, use, **parameters)
        bound = binding.bind(plugin, self.data, total=total)
        if not isinstance(bound, base):
            raise PluginError(f"{kind} {use!r} is a {type(bound).__name__}, not a {base.__name__}")
        return bound

    def _key(
        self,
        release: ReleaseSpec,
        point: Mapping[str, Any],
        decided: DecisionSpec,
        plugins: tuple[Plugin, ...],
    ) -> str:
        sources = [self.registry.source(type(plugin)) for plugin in plugins]
        content = {
            "engine": _engine_digest(),
            "plugins": [[s.kind, s.name, s.version, s.digest] for s in sources],
            "mechanism": [release.mechanism.use, dict(point), release.neighbours],
            "postprocess": [attrs.asdict(use) for use in release.postprocess],
            "decision": attrs.asdict(decided.decision),
            "output": [attrs.asdict(use) for use in decided.output],
            "data": self.data.digest,
            "seed": self.spec.run.seed,
        }
        text = json.dumps(content, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _label(release: str, values: Mapping[str, Any]) -> str:
    settings = (
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    )
    return " ".join([release, *settings])


@cache
def _engine_digest() -> str:
    """Return a digest of the framework's own source: a changed estimator is a changed number."""
    digest = hashlib.sha256()
    for file in _framework_files():
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _framework_files() -> Iterator[Path]:
    root = Path(__file__).parents[1]
    for floor in ("noise", "stats", "solvers", "estimators", "engine"):
        yield from sorted((root / floor).glob("*.py"))
