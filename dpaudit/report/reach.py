"""How many places and people a finding is about: said beside every share."""

from __future__ import annotations

from collections.abc import Collection

import attrs
import numpy as np

from dpaudit.report.cases import called
from dpaudit.report.wording import Context


@attrs.frozen
class Reach:
    """How many places, and how many people are counted there."""

    places: int
    people: float

    @classmethod
    def of(cls, context: Context, axis: str, names: Collection[str]) -> Reach:
        """Return what some entities, or the groups of a grouping, come to.

        Parameters
        ----------
        context
            The audit.
        axis
            ``entity`` or a grouping.
        names
            What entities are called in a report, or groups.
        """
        data = context.results.data
        members = called(data) if axis == "entity" else data.groups.get(axis, ())
        wanted = set(names)
        inside = np.array([member in wanted for member in members], dtype=np.bool_)
        if not inside.size:
            return cls(0, 0.0)
        return cls(int(inside.sum()), float(data.counts[inside].sum()))

    @classmethod
    def everything(cls, context: Context) -> Reach:
        """Return all places with all people."""
        counts = context.results.data.counts
        return cls(len(counts), float(counts.sum()))


def beside(context: Context, axis: str, names: Collection[str]) -> str:
    """Return ``259 of 420 districts and 159,867 of 163,180 eligible children``, or people alone.

    Over entities the places are counted by the sentence itself.
    """
    _, words = context.prose, context.words
    some, every = Reach.of(context, axis, names), Reach.everything(context)
    people = _(
        "{some} of {every} {people}",
        some=_.whole(some.people),
        every=_.whole(every.people),
        people=words.people,
    )
    if axis == "entity":
        return people
    return _(
        "{some} of {every} {entities} and {people}",
        some=_.whole(some.places),
        every=_.whole(every.places),
        entities=words.entities,
        people=people,
    )


def inside(context: Context, axis: str, name: str) -> str:
    """Return ``45 districts with 131,904 eligible children``, of an entity the people alone."""
    _, words = context.prose, context.words
    found = Reach.of(context, axis, (name,))
    people = _("{people} {counted}", people=_.whole(found.people), counted=words.people)
    if axis == "entity":
        return people
    return _.plural(
        "{count} {entity} with {people}",
        "{count} {entities} with {people}",
        found.places,
        entity=words.entity,
        entities=words.entities,
        people=people,
    )
