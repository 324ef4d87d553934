"""What authors of an attack test it with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dpaudit.interfaces.attack import Attack, Public, Target
from dpaudit.model.arrays import FloatArray
from dpaudit.model.domain import Domain
from dpaudit.model.spec import Game
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.law import log_law
from dpaudit.stats.replicates import over_replicates
from dpaudit.stats.roc import Ranking
from dpaudit.testing.faults import Fault, refuse
from dpaudit.testing.model_attacks import model_attack_faults

_COUNTS = np.array([12.0, 5.0, 0.0, 7.0, 1.0, 3.0, 0.0, 2.0, 30.0, 4.0, 9.0, 6.0])
_DOMAIN = Domain(names=("PLACE", "KIND"), values=(("a", "b", "c"), ("w", "x", "y", "z")))
_RELEASES = 40
_RISK = 1e-6


def check_attack(attack: Attack, *, seed: int = 0) -> None:
    """Raise if an attack does not do what every attack has to.

    On releases of a small table with Laplace noise, in every game that it plays: one number for
    each cell, the same for the same random numbers, printed values left as they were; and, of
    membership, no more than guessing where the release says nothing (false alarm 1e-6). An attack
    on models is tried on made-up losses in the same way.

    Raises
    ------
    PluginError
        If anything is wrong; the message lists every fault with its next step.

    Examples
    --------
    >>> from dpaudit_plugins.attacks.bayes_pool import BayesPool
    >>> check_attack(BayesPool())
    """
    refuse(attack, attack_faults(attack, seed=seed))


def attack_faults(attack: Attack, *, seed: int = 0) -> tuple[Fault, ...]:
    """Return every fault; parameters as for :func:`check_attack`."""
    if attack.of == "models":
        return tuple(model_attack_faults(attack, seed))
    return tuple(fault for game in sorted(attack.games) for fault in _of_game(attack, game, seed))


def _of_game(attack: Attack, game: Game, seed: int) -> Sequence[Fault]:
    public = _public(game)
    ready = attack.trained(public, np.random.default_rng(seed))
    rng = np.random.default_rng(seed + 1)
    areas: list[float] = []
    for number in range(_RELEASES):
        members = rng.binomial(_COUNTS.astype(int), 0.5).astype(float)
        blank = rng.binomial(_COUNTS.astype(int), 0.5).astype(float)
        target = _target(attack, public, members, public.simulate(members, rng))
        before = target.printed.copy()
        one, other = (
            np.asarray(ready.score(target, np.random.default_rng(number))) for _ in range(2)
        )
        if one.shape != _COUNTS.shape:
            return [
                Fault(
                    f"scores of shape {one.shape} for {_COUNTS.size} cells in the game {game}",
                    "return one number for each cell",
                )
            ]
        if not np.array_equal(one, other, equal_nan=True):
            return [
                Fault(
                    f"the same random numbers give other scores in the game {game}",
                    "draw from the generator that is passed, and from no other",
                )
            ]
        if not np.array_equal(before, target.printed, equal_nan=True):
            return [
                Fault(
                    f"it changes what was printed in the game {game}",
                    "work on a copy of target.printed",
                )
            ]
        if attack.outcome == "membership":
            if np.isnan(one).any():
                return [
                    Fault(
                        f"a score is NaN in the game {game}",
                        "give a number, 0 where nothing is known",
                    )
                ]
            areas.append(Ranking.of(one, blank, _COUNTS - blank).auc)
    if areas and float(over_replicates(np.array(areas), 1.0 - _RISK).low) > 0.5:  # noqa: PLR2004
        return [
            Fault(
                f"it succeeds in the game {game} where the release says nothing about anyone",
                "look for what it knows that an attacker does not",
            )
        ]
    return []


def _public(game: Game) -> Public:
    noise = Laplace(1.0)

    def law(counts: FloatArray, shown: FloatArray, cells: np.ndarray) -> FloatArray:
        found = log_law(noise.at(cells), shown - counts)
        return np.zeros_like(counts) if found is None else found

    return Public(
        game=game,
        sizes=_COUNTS,
        known=np.maximum(_COUNTS - 1.0, 0.0) if game == "known-rest" else None,
        entities=tuple(str(i) for i in range(_COUNTS.size)),
        domain=_DOMAIN,
        simulate=lambda counts, rng: counts + noise.sample(rng, counts.shape),
        law=law,
        noise=noise,
    )


def _target(attack: Attack, public: Public, counts: FloatArray, printed: FloatArray) -> Target:
    table = _DOMAIN.table(counts)
    axes = {name: i for i, name in enumerate(_DOMAIN.names)}
    totals = {}
    for names in attack.totals():
        others = tuple(i for name, i in axes.items() if name not in names)
        totals[names] = table.sum(axis=others)
    return Target(
        public=public, printed=printed, candidates=_COUNTS, people=int(counts.sum()), totals=totals
    )
