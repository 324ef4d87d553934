"""Whether a mitigation returns what the engine can measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import attrs
import numpy as np

from dpaudit.errors import DpauditError
from dpaudit.interfaces import Decision, Mechanism, Mitigation
from dpaudit.model.arrays import FloatArray, frozen_floats
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.structure import Proportional
from dpaudit.noise.laplace import Laplace
from dpaudit.subjects import Pipeline
from dpaudit.testing.decisions import COUNTS, decision_faults
from dpaudit.testing.faults import Fault, refuse, uses_global_state


@attrs.frozen(kw_only=True)
class Noisy(Mechanism):
    """Laplace noise, for trials."""

    name: ClassVar[str] = "trial-noise"
    scale: float = 5.0

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return counts with noise."""
        noisy: FloatArray = counts + self.noise().sample(rng, counts.shape)
        return noisy

    def privacy(self) -> Guarantee:
        """Return the guarantee of this noise."""
        return Guarantee(neighbours=self.neighbours, epsilon=1.0 / self.scale)

    def noise(self) -> Laplace:
        """Return the noise."""
        return Laplace(self.scale)


@attrs.frozen(kw_only=True)
class Shares(Decision):
    """Shares of a total, for trials."""

    name: ClassVar[str] = "trial-shares"

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the share of each."""
        shares: FloatArray = counts / counts.sum()
        return shares

    def structure(self, n: int) -> Proportional:
        """Return that it is a share."""
        return Proportional(weights=np.ones(n), total=1.0)


@attrs.frozen(kw_only=True)
class Least(Decision):
    """Whether a count reaches 50, for trials."""

    name: ClassVar[str] = "trial-threshold"
    bounded: ClassVar[bool] = True

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return 1 for each that reaches it."""
        return (counts >= 50.0).astype(np.float64)  # noqa: PLR2004 - the rule's own number


def trials(create: Callable[..., Any] | None = None) -> tuple[Pipeline, ...]:
    """Return pipelines that a mitigation is tried on."""

    def nothing(kind: str, name: str, **_: object) -> Any:
        raise LookupError(f"no {kind} {name!r} in a trial without a registry")

    return tuple(
        Pipeline(
            mechanism=Noisy(),
            steps=(),
            decision=decision,
            output=(),
            n=len(COUNTS),
            create=create or nothing,
        )
        for decision in (Shares(), Least())
    )


def check_mitigation(mitigation: Mitigation, subjects: tuple[Pipeline, ...] = ()) -> None:
    """Raise if a mitigation does not return a pipeline that can be measured.

    Parameters
    ----------
    mitigation
        The mitigation, with its parameters and columns filled in.
    subjects
        What it is tried on; shares of a total and a threshold under Laplace noise by default.

    Raises
    ------
    PluginError
        If anything is wrong; the message lists every fault with its next step.

    Examples
    --------
    >>> from dpaudit_plugins.mitigations.unprocessed_counts import UnprocessedCounts
    >>> check_mitigation(UnprocessedCounts())
    """
    refuse(mitigation, mitigation_faults(mitigation, subjects))


def mitigation_faults(
    mitigation: Mitigation, subjects: tuple[Pipeline, ...] = ()
) -> tuple[Fault, ...]:
    """Return every fault; parameters as for :func:`check_mitigation`."""
    found: list[Fault] = []
    if not isinstance(mitigation.cost(), str):
        found.append(Fault("cost() is no text", "return a noun phrase, or nothing at all"))
    for subject in subjects or trials():
        found += _faults(mitigation, subject)
    return tuple(dict.fromkeys(found))


def _faults(mitigation: Mitigation, subject: Pipeline) -> Iterator[Fault]:
    called = "applies"
    try:
        fitting = mitigation.applies(subject)
        if not fitting:
            return
        called = "apply"
        after, again = mitigation.apply(subject), mitigation.apply(subject)
    except DpauditError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a plug-in raises is its fault
        yield Fault(
            f"{called} failed on {subject.decision.name}: {type(error).__name__}: {error}",
            "say in applies() which pipelines it is made for",
        )
        return
    if not isinstance(after, Pipeline) or after.n != subject.n:
        yield Fault(
            f"apply returns {type(after).__name__} for {subject.n} entities",
            "return the pipeline with changed parts: attrs.evolve(subject, ...)",
        )
        return
    if uses_global_state(lambda: mitigation.apply(subject)):
        yield Fault("apply draws from numpy's global random state", "draw nothing in apply")
    counts = frozen_floats(COUNTS)
    flat = after.mechanism.measures == "entities" and not after.decision.rows
    if after.decision is not subject.decision and flat:
        yield from decision_faults(after.decision, counts, draws=2_000)
        one, two = after.decision.decide(counts), again.decision.decide(counts)
        if not np.array_equal(one, two):
            yield Fault("apply makes another decision each time", "let parameters alone decide")
