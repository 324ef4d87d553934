"""Whether an audit measures what a report can tell."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dpaudit.config import load
from dpaudit.engine.run import run
from dpaudit.errors import DpauditError
from dpaudit.interfaces import Audit
from dpaudit.model.measurement import Measurement
from dpaudit.registry import Registry
from dpaudit.testing.faults import Fault, refuse, uses_global_state
from dpaudit.testing.mitigations import Least, Noisy, Shares

_AUDIT = """
title = "A trial of an audit"
[data]
file = "trial.csv"
status = "public"
entity = "id"
count = "people"
groups = ["group"]
[run]
draws = 256
[[release]]
name = "noisy"
mechanism = {{ use = "{mechanism}" }}
neighbours = "add-remove"
[[decision]]
use = "{shares}"
[[decision]]
use = "{least}"
[[audit]]
use = "{audit}"
{parameters}
"""
_PLACES = "id,people,group,weight\na,7,x,1.5\nb,31,x,2.0\nc,58,y,1.0\nd,122,y,2.5\ne,150,y,3.0\n"


def check_audit(audit: type[Audit], parameters: Mapping[str, Any] | None = None) -> None:
    """Raise if an audit fails on a small trial, or measures something that cannot be told.

    Parameters
    ----------
    audit
        The class of the audit (of a marked function its attribute ``__dpaudit__``).
    parameters
        As an audit file gives them.

    Raises
    ------
    PluginError
        If anything is wrong; the message lists every fault with its next step.
    """
    refuse(audit, audit_faults(audit, parameters))


def audit_faults(
    audit: type[Audit], parameters: Mapping[str, Any] | None = None
) -> tuple[Fault, ...]:
    """Return every fault; parameters as for :func:`check_audit`."""
    registry = Registry()
    registry.add(Noisy, Shares, Least, audit)
    text = _AUDIT.format(
        mechanism=Noisy.name,
        shares=Shares.name,
        least=Least.name,
        audit=audit.name,
        parameters="\n".join(f"{name} = {_toml(v)}" for name, v in (parameters or {}).items()),
    )
    with tempfile.TemporaryDirectory(prefix="dpaudit-") as name:
        folder = Path(name)
        (folder / "trial.csv").write_text(_PLACES, encoding="utf-8")
        (folder / "audit.toml").write_text(text, encoding="utf-8")
        try:
            spec = load(folder / "audit.toml", registry=registry)
            results, again = run(spec, registry=registry), run(spec, registry=registry)
            stirred = uses_global_state(lambda: run(spec, registry=registry))
        except DpauditError as error:
            return (Fault(error.message, error.hint or "see the error"),)
    found = [Fault(each.message, each.hint or "see the error") for each in results.failures]
    if stirred:
        found.append(
            Fault("measure draws from numpy's global random state", "use the generator passed")
        )
    if not results.measurements and not found:
        found.append(Fault("nothing was measured in a trial", "return what was measured"))
    if not all(map(_same, results.measurements, again.measurements)):
        found.append(
            Fault("two runs measure different numbers", "draw from the generator that is passed")
        )
    known = {"entity", "total", "group"}
    strange = {m.over for m in results.measurements} - known
    if strange:
        found.append(
            Fault(
                f"something is measured over {min(strange)!r}, which the data do not have",
                "measure over entity, total or one of subject.data.groups",
            )
        )
    return tuple(dict.fromkeys(found))


def _same(one: Measurement, two: Measurement) -> bool:
    return one.quantity == two.quantity and np.array_equal(one.estimate.value, two.estimate.value)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else f'"{value}"'
