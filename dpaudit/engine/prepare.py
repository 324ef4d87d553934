"""What the parent and every worker make of a spec before they measure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from dpaudit import data
from dpaudit.engine.planner import make_jobs
from dpaudit.engine.tally import Controlled
from dpaudit.model.dataset import Dataset
from dpaudit.model.spec import Spec
from dpaudit.registry import Registry


@attrs.frozen(kw_only=True, eq=False)
class Prepared:
    """A spec with its data read and its jobs made, by task identifier."""

    spec: Spec
    registry: Registry
    data: Dataset
    controlled: Mapping[str, Controlled]


def prepare(
    spec: Spec,
    files: tuple[str, ...] = (),
    registry: Registry | None = None,
    dataset: Dataset | None = None,
) -> Prepared:
    """Find the plug-ins, read the data, make the jobs and choose their controls.

    Parameters
    ----------
    files
        Plug-in files beyond those that the audit file names.
    registry
        Plug-ins that are loaded already.
    dataset
        Data that take the place of those of the spec.
    """
    if registry is None:
        beside = [spec.path.parent / name for name in spec.plugins]
        registry = Registry.discover(files=[*beside, *map(Path, files)])
    dataset = dataset or data.read(spec.data, spec.path.parent, registry)
    controlled = {
        job.task.id: Controlled.choose(job, spec.run.seed, dataset.digest)
        for job in make_jobs(spec, registry, dataset)
    }
    return Prepared(spec=spec, registry=registry, data=dataset, controlled=controlled)
