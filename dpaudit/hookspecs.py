"""The hooks of dpaudit, in the order of an audit's life.

A plug-in module implements a hook by a function of its name marked ``@dpaudit.hookimpl``.
Plain functions that carry a decorator from :mod:`dpaudit.markers` need no hook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from dpaudit.interfaces import (
        Attack,
        Audit,
        Decision,
        Learner,
        Mechanism,
        Mitigation,
        PostProcessor,
    )
    from dpaudit.model.data_source import DataSource
    from dpaudit.model.finding import Finding
    from dpaudit.model.plan import Plan, Task

hookspec = pluggy.HookspecMarker("dpaudit")
hookimpl = pluggy.HookimplMarker("dpaudit")


@hookspec
def dpaudit_mechanisms() -> Sequence[type[Mechanism]]:
    """Return mechanism classes."""


@hookspec
def dpaudit_postprocessors() -> Sequence[type[PostProcessor]]:
    """Return post-processor classes."""


@hookspec
def dpaudit_decisions() -> Sequence[type[Decision]]:
    """Return decision classes."""


@hookspec
def dpaudit_learners() -> Sequence[type[Learner]]:
    """Return learner classes."""


@hookspec
def dpaudit_attacks() -> Sequence[type[Attack]]:
    """Return attack classes."""


@hookspec
def dpaudit_audits() -> Sequence[type[Audit]]:
    """Return audit classes."""


@hookspec
def dpaudit_mitigations() -> Sequence[type[Mitigation]]:
    """Return mitigation classes."""


@hookspec
def dpaudit_datasets() -> Mapping[str, DataSource | Path]:
    """Return data by name, ``builtin:NAME`` in an audit file: files, or what lies in a wheel."""


@hookspec
def dpaudit_plan_made(plan: Plan) -> None:
    """See the plan before anything is measured."""


@hookspec
def dpaudit_task_done(task: Task, seconds: float) -> None:
    """See each task when its numbers are final, ``seconds`` after the run began."""


@hookspec
def dpaudit_findings(results: Any) -> Sequence[Finding]:
    """Return findings of your own, computed from ``results.measurements``."""


@hookspec
def dpaudit_recommendations(results: Any, finding: Finding) -> Sequence[str]:
    """Return recommendations for ``finding``, most effective first."""


@hookspec
def dpaudit_sections(results: Any) -> Mapping[str, Any]:
    """Return extra report sections by name: blocks of :mod:`dpaudit.blocks`.

    What they say is looked up in the plug-in's own catalogue, ``locale/LANGUAGE.po``.
    """


@hookspec(firstresult=True)
def dpaudit_render(report: Any, format: str, folder: Path) -> Path | None:
    """Write ``report`` in ``format`` into ``folder`` and return the file, or ``None``.

    Name the formats in ``FORMATS`` of your module: a misspelt one is then found before anything
    is measured.
    """


@hookspec
def dpaudit_commands() -> Sequence[click.Command]:
    """Return commands to add to the command line."""
