"""Attacks as data: the games that they play, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import attrs

from dpaudit.model.arrays import FloatArray, frozen_floats
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.model.spec import Game

GAMES: tuple[Game, ...] = get_args(Game)

Outcome = Literal["membership", "pick", "table", "attribute", "cells"]
"""What an attacker is after: who is in, a list of them, the table, an attribute, hidden counts."""

Exposure = Literal["exposed", "not shown", "uninformative"]

LEAST_EXCESS = 0.005
"""By how much an attack has to be above what is reached without the release to expose anybody:
half a person in 100. Any release that is not silent tells a little, however much noise it has."""


@attrs.frozen(kw_only=True, eq=False)
class Curve:
    """Rates of true alarms at rates of false ones, shape (k,) each, the mean over releases."""

    fpr: FloatArray = attrs.field(converter=frozen_floats)
    tpr: FloatArray = attrs.field(converter=frozen_floats)


@attrs.frozen(kw_only=True, eq=False)
class Baseline:
    """What is reached without the release, or by guessing: its name and its number."""

    name: str
    estimate: Estimate


@attrs.frozen(kw_only=True, eq=False)
class GroupRate:
    """What is found of every group at few false alarms, all groups at the confidence of the run.

    Parameters
    ----------
    fpr
        The rate of false alarms.
    labels
        The groups.
    shared, alarms
        Members and others of each group above the one threshold that gives ``fpr`` among all
        people: a group with more alarms than others bears more of the suspicion.
    own_labels, own
        Members above a threshold of the group's own, which gives ``fpr`` within it, of the groups
        that have others enough to tell.
    """

    fpr: float
    labels: tuple[str, ...]
    shared: Estimate
    alarms: Estimate
    own_labels: tuple[str, ...] = ()
    own: Estimate | None = None


@attrs.frozen(kw_only=True, eq=False)
class ByGroup:
    """An attack's main number within each group of a grouping.

    Parameters
    ----------
    grouping, labels
        The grouping, and its groups that have enough people.
    people
        Candidates of each group, shape (g,).
    estimate, excess
        The number of each group and by how much it is above its baseline, all groups together
        at the confidence of the run, shape (g,).
    p_value
        Of the largest difference between groups, by permuting their labels; ``None`` of fewer
        than two groups.
    left_out
        Groups with too few people to say anything.
    curves
        The mean curve of each group, of attacks on models.
    rates
        What is found at few false alarms, of attacks on models.
    """

    grouping: str
    labels: tuple[str, ...]
    people: FloatArray = attrs.field(converter=frozen_floats)
    estimate: Estimate
    excess: Estimate
    p_value: float | None
    left_out: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    rates: tuple[GroupRate, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class AttackResult:
    """One attack on one release, at one parameter point.

    Parameters
    ----------
    task
        Its identifier, that of its measurements.
    attack, use
        The attack's name in the audit file, and the plug-in's.
    release, point
        What was attacked.
    game, outcome, candidates
        Who is told apart, what the attacker is after, where candidates come from.
    unit
        What was repeated independently, as a noun: ``release`` or ``model``.
    replicates
        How many releases had somebody on both sides: those that numbers are means over; 0 of
        a closed form.
    quantity
        The main number, by name.
    people
        How many people the main number is about, on average over releases.
    estimate, excess
        The main number, and by how much it is above the largest baseline; the lower end of the
        latter is the smallest over all baselines.
    baselines
        What is reached without the release, by name; the verdict is against the largest.
    ceiling
        The largest value that the guarantee allows, ``None`` where it implies none. In the game
        *elsewhere* it follows from the upper end of the interval of the counterfactual, where
        what is printed of a cell depends on that cell alone.
    ceiling_curve
        The largest rates of true alarms that it allows, at those of ``curve``.
    curve
        The mean curve, of membership.
    null
        The same attack on releases that carry no information about who is in.
    exact
        The same attack on the table as it is: what it could reach at most. Either is ``None``
        where it could not be played.
    groups
        By grouping.
    verdict, reason
        What follows, and why: ``empty`` (there was nothing to attack), ``few`` (there was in too
        few releases to say anything), ``null`` (it succeeds where
        the release says nothing), ``weak`` (it fails on the table as it is), ``above`` its
        largest baseline by more than :data:`LEAST_EXCESS`, or ``below`` that.
    more
        Further numbers by name, as they stand in the measurements.
    others, refused
        Of an attack on models the fewest people whom a target has not learnt from, and the rates
        of false alarms of which nothing is said because so many are too few.
    """

    task: str
    attack: str
    use: str
    release: str
    point: Mapping[str, object]
    game: Game
    outcome: Outcome
    candidates: str
    unit: str = "release"
    replicates: int
    quantity: str
    people: float = 0.0
    estimate: Estimate
    excess: Estimate
    baselines: tuple[Baseline, ...]
    ceiling: float | None = None
    ceiling_curve: FloatArray | None = None
    curve: Curve | None = None
    null: Estimate | None = None
    exact: Estimate | None = None
    groups: tuple[ByGroup, ...] = ()
    verdict: Exposure
    reason: str = ""
    more: tuple[Measurement, ...] = ()
    caveats: tuple[str, ...] = ()
    others: float | None = None
    refused: tuple[float, ...] = ()
