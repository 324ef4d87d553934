"""From a spec to jobs: every release, parameter point and decision, with plug-ins made."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import attrs
import numpy as np
import scipy

from dpaudit import binding, config, data
from dpaudit.engine.job import Grouping, Job, decide
from dpaudit.errors import PluginError, SpecError
from dpaudit.estimators.chain import Chain
from dpaudit.interfaces import Audit, Decision, Extra, Kind, Mechanism, Plugin, PostProcessor
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Plan, Task
from dpaudit.model.spec import DecisionSpec, PluginUse, ReleaseSpec, Spec
from dpaudit.noise.base import Noise
from dpaudit.parameters import parameters as known_parameters
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
    _refuse(spec, groupings)
    needs = (cast("type[Audit]", registry.get("audit", a.audit.use)).needs for a in spec.audits)
    planner = _Planner(
        spec=spec,
        registry=registry,
        data=dataset,
        groupings=groupings,
        extras=frozenset().union(*needs),
    )
    jobs = tuple(
        planner.job(release, point, decision)
        for release in spec.releases
        for point in config.points(
            release.mechanism, registry.get("mechanism", release.mechanism.use)
        )
        for decision in planner.decisions(release)
    )
    names = Counter(job.task.id for job in jobs)
    if twice := [name for name, count in names.items() if count > 1]:
        raise SpecError(
            f"two tasks are called {twice[0]!r}",
            hint="give releases and decisions names that differ, and name no value twice",
        )
    return jobs


def _refuse(spec: Spec, groupings: Mapping[str, Grouping]) -> None:
    """Refuse what would otherwise be passed over in silence."""
    for kind in ("mitigations", "attacks", "learners"):
        if getattr(spec, kind):
            raise SpecError(
                f"[[{kind[:-1]}]] is read but not measured in this version",
                hint=f"take [[{kind[:-1]}]] out of the audit file",
            )
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

    def job(self, release: ReleaseSpec, point: dict[str, Any], decided: DecisionSpec) -> Job:
        """Make one job: every plug-in of it, bound to the data."""
        mechanism = self._mechanism(release, point)
        steps = self._steps(
            release.postprocess, self.data.total, f"release {release.name!r}", mechanism
        )
        chain = Chain(
            counts=self.data.counts,
            mechanism=mechanism,
            steps=steps,
            hierarchy=self.data.hierarchy,
        )
        use = decided.decision
        decision = self._made(Decision, "decision", use.use, use.parameters, None)
        outcome = decide(decision, chain.truth[None, :], decided.name)
        output = self._steps(
            decided.output, float(outcome.sum()), f"decision {decided.name!r}", None
        )
        swept = config.swept(release.mechanism, type(mechanism))
        values = {name: point[name] for name in swept}
        plugins = (mechanism, *steps, decision, *output)
        task = Task(
            id=f"{_label(release.name, values)} / {decided.name}",
            key=self._key(release, point, decided, plugins),
            release=release.name,
            decision=decided.name,
            point=values,
            foreign=any(
                plugin.foreign or self.registry.is_foreign(type(plugin)) for plugin in plugins
            ),
        )
        return Job.make(task, chain, decision, output, groupings=self.groupings, extras=self.extras)

    def _mechanism(self, release: ReleaseSpec, point: dict[str, Any]) -> Mechanism:
        parameters = {"neighbours": release.neighbours, **point}
        total = self.data.total
        made = self._made(Mechanism, "mechanism", release.mechanism.use, parameters, total)
        columns = [name for name, one in known_parameters(type(made)).items() if one.is_column]
        named = [name for name in columns if point.get(name) == self.spec.data.count]
        if named and made.protects:
            raise SpecError(
                f"release {release.name!r}: {named[0]} is the column of true counts "
                f"{self.spec.data.count!r}: noise that depends on them protects nobody",
                hint="name a column that is public, such as an earlier release",
            )
        return made

    def _steps(
        self, uses: tuple[PluginUse, ...], total: float, where: str, mechanism: Mechanism | None
    ) -> tuple[PostProcessor, ...]:
        """Make the steps of a chain, telling each what noise it sees.

        Steps after a tree see every node until one takes the entities alone. A step on a tree is
        refused where there is none, or none any more.
        """
        made: list[PostProcessor] = []
        noise = None if mechanism is None else mechanism.noise()
        on_tree = mechanism is not None and mechanism.measures == "hierarchy"
        for use in uses:
            plugin = self.registry.create("postprocessor", use.use, **use.parameters)
            hierarchical = isinstance(plugin, PostProcessor) and plugin.hierarchical
            if hierarchical and not on_tree:
                raise SpecError(
                    f"{where}: {use.use!r} needs counts of every level",
                    hint="give the mechanism a budget per level (levels = {...}), and put "
                    "steps on the entities alone after it",
                )
            elementwise = isinstance(plugin, PostProcessor) and plugin.elementwise
            if on_tree and not (hierarchical or elementwise):
                on_tree = False
                if noise is not None and self.data.hierarchy is not None:
                    noise = noise.at(self.data.hierarchy.entity_nodes)
            step = self._bound(PostProcessor, plugin, total, noise)
            noise = None if noise is None else step.noise_after(noise)
            made.append(step)
        return tuple(made)

    def _made(
        self,
        base: type[P],
        kind: Kind,
        use: str,
        parameters: Mapping[str, Any],
        total: float | None,
    ) -> P:
        return self._bound(base, self.registry.create(kind, use, **parameters), total, None)

    def _bound(self, base: type[P], plugin: Plugin, total: float | None, noise: Noise | None) -> P:
        bound = binding.bind(
            plugin, self.data, total=total, noise=noise, folder=self.spec.path.parent
        )
        if not isinstance(bound, base):
            raise PluginError(
                f"{plugin.kind} {plugin.name!r} is a {type(bound).__name__}, not a {base.__name__}"
            )
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
            "packages": sorted({_package_digest(type(plugin).__module__) for plugin in plugins}),
            "files": [_file_digest(file) for plugin in plugins for file in plugin.sources()],
            "libraries": [np.__version__, scipy.__version__],
            "mechanism": [release.mechanism.use, dict(point), release.neighbours],
            "postprocess": [attrs.asdict(use) for use in release.postprocess],
            "decision": attrs.asdict(decided.decision),
            "output": [attrs.asdict(use) for use in decided.output],
            "extras": sorted(self.extras),
            "data": self.data.digest,
            "seed": self.spec.run.seed,
        }
        text = json.dumps(content, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _label(release: str, values: Mapping[str, Any]) -> str:
    return " ".join([release, *(f"{name}={_short(value)}" for name, value in values.items())])


def _short(value: object) -> str:
    """Return ``0.1`` or ``1``, but never fewer digits than tell two values apart."""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _file_digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _package_digest(module: str) -> str:
    """Return a digest of all source of the package that a plug-in stands in."""
    package = sys.modules.get(module.split(".", maxsplit=1)[0])
    folders = [Path(folder) for folder in getattr(package, "__path__", ())]
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def _engine_digest() -> str:
    """Return a digest of the framework's own source: a changed estimator is a changed number."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        if not {"cli", "report"} & set(file.parts):
            digest.update(file.read_bytes())
    return digest.hexdigest()
