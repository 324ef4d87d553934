"""A classifier of membership that learns from shadow releases, as in the literature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game
from dpaudit_plugins.attacks._logistic import fitted


@attrs.frozen(kw_only=True, eq=False)
class Shadow(dpaudit.Attack):
    """Make shadow releases of made-up members, and learn to tell members by what is printed.

    The attacker tosses the coins, makes the release with the same mechanism, and fits a logistic
    regression of membership on what is printed of a candidate's cell, its size, and both together.
    `bayes-pool` is the ceiling of every such classifier.

    Parameters
    ----------
    shadows
        Shadow releases to learn from.

    References
    ----------
    Shokri, Stronati, Song and Shmatikov (2017), Membership inference attacks against machine
    learning models, IEEE S&P (shadow models).
    """

    name: ClassVar[str] = "shadow"
    games: ClassVar[frozenset[Game]] = frozenset({"pool"})

    shadows: int = attrs.field(default=16, validator=attrs.validators.ge(1))
    weights: dpaudit.Column | None = attrs.field(default=None, init=False)

    def trained(self, public: dpaudit.Public, rng: np.random.Generator) -> Shadow:
        """Return the attack with its classifier fitted."""
        sizes = public.sizes.astype(np.int64)
        rows, hits = [], []
        for _ in range(self.shadows):
            members = rng.binomial(sizes, 0.5).astype(np.float64)
            rows.append(_features(public.sizes, public.simulate(members, rng)))
            hits.append(members)
        features = np.concatenate(rows)
        people = np.tile(public.sizes, self.shadows)
        weights = fitted(features, np.concatenate(hits), people)
        made = attrs.evolve(self)
        object.__setattr__(made, "weights", weights)
        return made

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the fitted log odds of the candidates of each cell, shape (n,)."""
        if self.weights is None:
            raise dpaudit.UsageError(
                "the shadow attack has not learned anything yet", hint="call trained() first"
            )
        found = _features(target.public.sizes, target.printed) @ np.asarray(self.weights)
        return np.asarray(found, dtype=np.float64)


def _features(sizes: FloatArray, printed: FloatArray) -> FloatArray:
    """Return what the classifier sees of each cell, shape (n, 12)."""
    hidden = np.isnan(printed)
    shown = np.nan_to_num(printed, nan=0.0)
    n = np.maximum(sizes, 1.0)
    apart = np.clip((shown - 0.5 * n) / np.sqrt(0.25 * n + 1.0), -6.0, 6.0)
    share = np.clip(shown / n, -1.0, 2.0)
    seen = np.where(hidden, 0.0, 1.0)
    empty = (shown <= 0) & ~hidden
    columns = [
        np.ones_like(n), hidden, empty, seen * share, seen * apart, seen * apart / np.sqrt(n),
        seen * share * np.log(n), empty / n, empty * np.log(n), hidden / n, hidden * np.log(n),
        hidden * np.minimum(n, 40.0),
    ]  # fmt: skip
    return np.stack(columns, axis=1).astype(np.float64)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (Shadow,)
