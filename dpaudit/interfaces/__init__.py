"""The seven kinds of plug-in: one verb each, and optional closed forms.

A plug-in is a frozen attrs class (``@attrs.frozen(kw_only=True)``) whose fields are the
parameters that an audit file may set. A plain function with a decorator from
:mod:`dpaudit.markers` becomes such a class. Closed forms return ``None`` where there is none;
where one is present the engine checks it against simulation.
"""

from __future__ import annotations

from collections.abc import Mapping

from dpaudit.interfaces.attack import Attack
from dpaudit.interfaces.audit import Audit, Extra, Mitigation
from dpaudit.interfaces.base import KINDS, ClosedForm, Kept, Kind, Plugin
from dpaudit.interfaces.decision import Decision
from dpaudit.interfaces.learner import Learner
from dpaudit.interfaces.mechanism import Mechanism
from dpaudit.interfaces.postprocessor import PostProcessor

__all__ = [
    "BASES",
    "KINDS",
    "Attack",
    "Audit",
    "ClosedForm",
    "Decision",
    "Extra",
    "Kept",
    "Kind",
    "Learner",
    "Mechanism",
    "Mitigation",
    "Plugin",
    "PostProcessor",
]

BASES: Mapping[Kind, type[Plugin]] = {
    base.kind: base
    for base in (Mechanism, PostProcessor, Decision, Learner, Attack, Audit, Mitigation)
}
