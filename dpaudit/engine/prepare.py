"""What the parent and every worker make of a spec before they measure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from dpaudit import data
from dpaudit.engine.attacks.jobs import AttackJob
from dpaudit.engine.planner import make_jobs
from dpaudit.engine.tally import Controlled
from dpaudit.model.dataset import Dataset
from dpaudit.model.spec import Spec
from dpaudit.registry import Registry


@attrs.frozen(kw_only=True, eq=False)
class Prepared:
    """A spec with its data read and its jobs made, those of attacks too, by task identifier."""

    spec: Spec
    registry: Registry
    data: Dataset
    controlled: Mapping[str, Controlled]
    attacks: Mapping[str, AttackJob] = attrs.field(factory=dict)


def prepare(spec: Spec, files: tuple[str, ...] = (), registry: Registry | None = None) -> Prepared:
    """Find the plug-ins, read the data, make the jobs and choose their controls.

    Parameters
    ----------
    files
        Plug-in files beyond those that the audit file names.
    registry
        Plug-ins that are loaded already.
    """
    if registry is None:
        beside = [spec.path.parent / name for name in spec.plugins]
        registry = Registry.discover(files=[*beside, *map(Path, files)])
    dataset = data.read(spec.data, spec.path.parent, registry)
    jobs, attacks = make_jobs(spec, registry, dataset)
    controlled = {
        job.task.id: Controlled.choose(job, spec.run.seed, dataset.digest) for job in jobs
    }
    return Prepared(
        spec=spec,
        registry=registry,
        data=dataset,
        controlled=controlled,
        attacks={job.task.id: job for job in attacks},
    )
