"""From a spec to jobs: every release, parameter point and decision, with plug-ins made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from dpaudit import binding, config, data
from dpaudit.engine.job import Grouping, Job
from dpaudit.errors import SpecError
from dpaudit.estimators.chain import Chain
from dpaudit.interfaces import Decision, Mechanism, Plugin, PostProcessor
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Plan, Task
from dpaudit.model.spec import DecisionSpec, PluginUse, ReleaseSpec, Spec
from dpaudit.registry import Registry
from dpaudit.stats.streams import BLOCK, blocks_for


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
    return tuple(
        _job(spec, registry, dataset, groupings, release, point, decision)
        for release in spec.releases
        for point in config.points(
            release.mechanism, registry.get("mechanism", release.mechanism.use)
        )
        for decision in spec.decisions
    )


def _job(
    spec: Spec,
    registry: Registry,
    dataset: Dataset,
    groupings: Mapping[str, Grouping],
    release: ReleaseSpec,
    point: dict[str, Any],
    decided: DecisionSpec,
) -> Job:
    mechanism_class = registry.get("mechanism", release.mechanism.use)
    mechanism = _bound(
        registry.create(
            "mechanism", release.mechanism.use, neighbours=release.neighbours, **point
        ),
        dataset,
        dataset.total,
    )
    steps = tuple(_post(registry, use, dataset, dataset.total) for use in release.postprocess)
    decision = _bound(
        registry.create("decision", decided.decision.use, **decided.decision.parameters),
        dataset,
        None,
    )
    if not isinstance(mechanism, Mechanism) or not isinstance(decision, Decision):
        raise SpecError(f"release {release.name!r}: not a mechanism and a decision")
    if mechanism.takes != "counts" or mechanism.gives != "counts":
        raise SpecError(
            f"release {release.name!r}: mechanism {mechanism.name!r} takes {mechanism.takes} and "
            f"gives {mechanism.gives}",
            hint="a decision needs a mechanism from counts to counts",
        )
    chain = Chain(counts=dataset.counts, mechanism=mechanism, steps=steps)
    truth = decision.decide(dataset.counts)
    output = tuple(_post(registry, use, dataset, float(truth.sum())) for use in decided.output)
    swept = config.swept(release.mechanism, mechanism_class)
    values = {name: point[name] for name in swept}
    label = " ".join([release.name, *(f"{name}={value:g}" if isinstance(value, float) else
                                      f"{name}={value}" for name, value in values.items())])
    plugins: tuple[Plugin, ...] = (mechanism, *steps, decision, *output)
    task = Task(
        id=f"{label} / {decided.name}",
        key=_key(spec, registry, dataset, release, point, decided, plugins),
        release=release.name,
        decision=decided.name,
        point=values,
        foreign=any(registry.is_foreign(type(plugin)) for plugin in plugins),
    )
    return Job.make(task, chain, decision, output, groupings)


def _post(
    registry: Registry, use: PluginUse, dataset: Dataset, total: float
) -> PostProcessor:
    made = _bound(registry.create("postprocessor", use.use, **use.parameters), dataset, total)
    if not isinstance(made, PostProcessor):
        raise SpecError(f"{use.use!r} is not a post-processor")
    return made


def _bound(plugin: Plugin, dataset: Dataset, total: float | None) -> Plugin:
    return binding.bind(plugin, dataset, total=total)


def _key(
    spec: Spec,
    registry: Registry,
    dataset: Dataset,
    release: ReleaseSpec,
    point: Mapping[str, Any],
    decided: DecisionSpec,
    plugins: tuple[Plugin, ...],
) -> str:
    sources = [registry.source(type(plugin)) for plugin in plugins]
    content = {
        "engine": _engine_digest(),
        "plugins": [[s.kind, s.name, s.version, s.digest] for s in sources],
        "mechanism": [release.mechanism.use, dict(point), release.neighbours],
        "postprocess": [attrs.asdict(use) for use in release.postprocess],
        "decision": attrs.asdict(decided.decision),
        "output": [attrs.asdict(use) for use in decided.output],
        "data": dataset.digest,
        "seed": spec.run.seed,
    }
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


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
