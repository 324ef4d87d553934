"""Audits measure, mitigations change what is measured."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import attrs
import numpy as np

from dpaudit.interfaces.base import Kind, Plugin
from dpaudit.model.measurement import Measurement
from dpaudit.subjects import Pipeline
from dpaudit.training.runs import Arm

Extra: TypeAlias = Literal["share", "erased", "invented", "changed", "curvature"]
"""A quantity that is only measured where an audit asks for it."""


@attrs.frozen(kw_only=True)
class Audit(Plugin):
    """Measures one thing about a subject.

    Attributes
    ----------
    needs
        What the engine must measure beyond bias, squared error and shortfall.
    once
        Whether it is asked once for a release and decision, not at every swept value.
    of
        What it measures: ``decisions`` (a :class:`~dpaudit.Subject`) or ``learners`` (a
        :class:`~dpaudit.LearnerSubject`).
    arms
        Of an audit of learners, the arms that the engine trains for it where a learner has them.
    """

    kind: ClassVar[Kind] = "audit"
    needs: ClassVar[frozenset[Extra]] = frozenset()
    once: ClassVar[bool] = False
    of: ClassVar[Literal["decisions", "learners"]] = "decisions"
    arms: ClassVar[frozenset[Arm]] = frozenset({"made"})

    @abc.abstractmethod
    def measure(self, subject: Any, rng: np.random.Generator) -> Sequence[Measurement]:
        """Return what was measured over entities, groupings and in total."""


@attrs.frozen(kw_only=True)
class Mitigation(Plugin):
    """Changes a release, a decision or a learner; the engine measures before and after.

    What it is given is public, and so is what it makes: it never sees a true count.
    """

    kind: ClassVar[Kind] = "mitigation"

    @abc.abstractmethod
    def apply(self, subject: Pipeline) -> Pipeline:
        """Return the changed pipeline; outcomes are still compared with the first one's truth."""

    def applies(self, subject: Pipeline) -> bool:
        """Return whether the mitigation makes sense for ``subject``."""
        return True

    def cost(self) -> str:
        """Return what it costs beside what is measured (data, money, law), as a noun phrase."""
        return ""
