"""What authors of an attack on models test it with: losses that are made up, and no model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from dpaudit.interfaces.attack import Attack
from dpaudit.interfaces.model_attack import ModelTarget
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.stats.replicates import over_replicates
from dpaudit.stats.roc import Ranking
from dpaudit.testing.faults import Fault
from dpaudit.training.records import IntArray

_PEOPLE, _SHADOWS, _OUTSIDE = 120, 12, 60
_MODELS = 40
_RISK = 1e-6


def model_attack_faults(attack: Attack, seed: int) -> Sequence[Fault]:
    """Return every fault of an attack on models.

    On losses of 120 people under 40 targets that have learnt from nobody: one number for each
    candidate, the same for the same random numbers, what it is shown left as it was, and no more
    than guessing (false alarm 1e-6).
    """
    return tuple(_faults(attack, np.random.default_rng(seed)))


def _faults(attack: Attack, rng: np.random.Generator) -> Iterator[Fault]:
    areas = []
    for number in range(_MODELS):
        target, members = _blind(rng)
        before = {name: value.copy() for name, value in _arrays(target)}
        one, other = (
            np.asarray(attack.score(target, np.random.default_rng(number))) for _ in range(2)
        )
        if one.shape != (_PEOPLE,) or np.isnan(one).any():
            yield Fault(
                f"scores of shape {one.shape} for {_PEOPLE} candidates, or NaN",
                "return one number for each candidate, 0 where nothing is known",
            )
            return
        if not np.array_equal(one, other):
            yield Fault(
                "the same random numbers give other scores",
                "draw from the generator that is passed, and from no other",
            )
            return
        if any(not np.array_equal(before[name], value) for name, value in _arrays(target)):
            yield Fault("it changes what it is shown", "work on a copy")
            return
        inside = members.astype(np.float64)
        areas.append(Ranking.of(one, inside, 1.0 - inside).auc)
    if float(over_replicates(np.array(areas), 1.0 - _RISK).low) > 0.5:  # noqa: PLR2004
        yield Fault(
            "it succeeds on models that have learnt from nobody",
            "look for what it knows that an attacker does not",
        )


def _arrays(target: ModelTarget) -> Iterator[tuple[str, np.ndarray]]:
    for field in attrs.fields(ModelTarget):
        value = getattr(target, field.name)
        if isinstance(value, np.ndarray):
            yield field.name, value


def _blind(rng: np.random.Generator) -> tuple[ModelTarget, BoolArray]:
    """Return a target whose losses say nothing, among shadows whose losses do, and its members."""
    hard = rng.normal(0.0, 1.0, _PEOPLE)
    inside = np.argsort(rng.random((_SHADOWS, _PEOPLE)), axis=0) < _SHADOWS // 2
    labels = (rng.random(_PEOPLE) < 0.4).astype(np.float64)  # noqa: PLR2004 - a share
    inputs = rng.standard_normal((_PEOPLE, 3))

    def losses(shape: tuple[int, ...], shift: float | FloatArray = 0.0) -> FloatArray:
        middle = hard[: shape[-1]] - np.asarray(shift, dtype=np.float64)
        return np.asarray(np.logaddexp(0.0, middle + 0.5 * rng.standard_normal(shape)))

    def predict(asked: FloatArray) -> IntArray:
        return (asked[:, 0] > 0).astype(np.int64)

    target = ModelTarget(
        losses=losses((_PEOPLE,)),
        labels=labels,
        inputs=inputs,
        shadow_losses=losses((_SHADOWS, _PEOPLE), 1.5 * inside.astype(np.float64)),
        inside=inside,
        population_losses=losses((_OUTSIDE,)),
        population_labels=(rng.random(_OUTSIDE) < 0.4).astype(np.float64),  # noqa: PLR2004
        shadow_population_losses=losses((_SHADOWS, _OUTSIDE)),
        right=predict(inputs) == labels,
        predict=predict,
    )
    return target, rng.permutation(_PEOPLE) < _PEOPLE // 2
