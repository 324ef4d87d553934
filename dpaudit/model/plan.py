"""The plan of an audit: one task for each release, parameter point and decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Task:
    """One thing to measure: a decision made from a release at one parameter point.

    Parameters
    ----------
    id
        What people call it (``clipped epsilon=0.1 / title-i-simple``), unique in a plan.
    key
        SHA-256 of plug-in names, versions and source digests, parameters, data digest and
        seed (not of the number of draws): the address in the cache, nothing else.
    release, decision
        Names in the audit file.
    point
        The values of the parameters that the release sweeps (``{"epsilon": 0.1}``).
    foreign
        Whether a plug-in of the task comes from a file or a third party: such a task runs in
        a worker process with a time limit.
    mitigation
        The name of the mitigation that made it of the task ``baseline``, if one did.
    cost
        What the mitigation costs beside what is measured, as a noun phrase.
    """

    id: str
    key: str
    release: str
    decision: str
    point: Mapping[str, Any] = attrs.field(factory=dict)
    foreign: bool = False
    mitigation: str | None = None
    baseline: str | None = None
    cost: str = ""


@attrs.frozen(kw_only=True)
class Plan:
    """Tasks in the order of the audit file, and the noise vectors each will see."""

    tasks: tuple[Task, ...]
    draws: int
    blocks: int
