"""The fifth kind of plug-in, an attack, and what it is shown.

An attack sees a :class:`Target` and scores its candidates; it never sees who is in the data. The
engine plays the game: it decides who is in, makes the release, and compares the scores with the
truth. Candidates of one cell of a table cannot be told apart, so that they share a score.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.interfaces.base import Plugin
from dpaudit.model.arrays import FloatArray
from dpaudit.model.attack import GAMES, Outcome
from dpaudit.model.domain import Domain
from dpaudit.model.estimate import Estimate
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.spec import Game
from dpaudit.noise.base import Noise
from dpaudit.privacy.ceilings import ceiling_of
from dpaudit.privacy.tradeoff import TradeOff

Law = Callable[[FloatArray, FloatArray, NDArray[np.intp]], FloatArray]
"""From true counts, printed values and cells, all (m,), to log probabilities (m,)."""

Marginal = tuple[str, ...]
"""The attributes of a table that is published in sums."""


@attrs.frozen(kw_only=True, eq=False)
class Public:
    """What everybody knows before anything is released.

    Parameters
    ----------
    game
        The game that is played.
    sizes
        ``pool``: candidates in each cell, each in the data with probability 1/2. Else the
        expected number of people of each cell by what is known beforehand, shape (n,).
    known
        ``known-rest``: people of each cell whose presence is known, shape (n,).
    entities
        What each cell is called (n).
    domain
        The table whose cells the entities are.
    groups
        By grouping the group of each cell (n).
    simulate
        Makes a release of any true counts (n,), as printed: the mechanism is no secret.
    law
        The probability of a printed value given a true count; ``None`` where it is not known.
    noise
        The noise of every cell, where the release is nothing but counts and noise, else ``None``.
    clips
        Whether negative values are printed as 0.
    """

    game: Game
    sizes: FloatArray
    known: FloatArray | None = None
    entities: tuple[str, ...] = ()
    domain: Domain | None = None
    groups: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    simulate: Callable[[FloatArray, np.random.Generator], FloatArray] = attrs.field(repr=False)
    law: Law | None = None
    noise: Noise | None = None
    clips: bool = False

    @property
    def expected(self) -> FloatArray:
        """People whom one expects in each cell before anything is released, shape (n,)."""
        return 0.5 * self.sizes if self.game == "pool" else self.sizes


@attrs.frozen(kw_only=True, eq=False)
class Target:
    """One release, as its attacker sees it.

    Parameters
    ----------
    public
        What everybody knew before.
    printed
        What was printed of each cell, persons, shape (n,); NaN where a symbol stands.
    candidates
        How many people of each cell the attacker has to tell apart, shape (n,).
    people
        How many people are in the data.
    totals
        Sums that are published exactly beside the release, by their attributes: the count of
        each combination, shape of the table over them.
    """

    public: Public
    printed: FloatArray
    candidates: FloatArray
    people: int
    totals: Mapping[Marginal, FloatArray] = attrs.field(factory=dict)

    @property
    def released(self) -> FloatArray:
        """What was printed, with symbols and negative values taken for 0, shape (n,)."""
        return np.maximum(np.nan_to_num(self.printed, nan=0.0), 0.0)


@attrs.frozen(kw_only=True, eq=False)
class Rates:
    """What an attack reaches in each cell in the game *known-rest*, in closed form.

    Parameters
    ----------
    auc
        P(in and out are told apart), ties counting half, of a person in each cell, shape (n,).
    tpr
        Rates of true alarms at those of false alarms ``fpr`` (k,), shape (k, n).
    """

    auc: Estimate
    fpr: FloatArray
    tpr: FloatArray


@attrs.frozen(kw_only=True)
class Attack(Plugin):
    """Scores candidates against a release or a model.

    Attributes
    ----------
    games
        The games that it can play.
    of
        What it attacks: releases of counts (``tables``), or ``models``
        (:class:`~dpaudit.ModelAttack`).
    outcome
        What it is after, and so what a score is. ``membership``: the higher, the more likely are
        the candidates of a cell to be in the data. ``pick``: how many of the candidates of the cell
        it takes for members. ``table``: how many people it says are in the
        cell. ``attribute``: of a person who is in the cell, the probability that the attacker
        names the right one, NaN where it names none. ``cells``: the count that it claims of a
        cell, NaN where it claims none.
    """

    kind: ClassVar = "attack"
    of: ClassVar[Literal["tables", "models"]] = "tables"
    games: ClassVar[frozenset[Game]] = frozenset(GAMES)
    outcome: ClassVar[Outcome] = "membership"

    @abc.abstractmethod
    def score(self, target: Any, rng: np.random.Generator) -> FloatArray:
        """Return one score for the candidates of each cell of a :class:`Target`, shape (n,)."""

    def trained(self, public: Public, rng: np.random.Generator) -> Attack:
        """Return the attack made ready for releases of one kind; called once for each."""
        return self

    def further(self, target: Target, rng: np.random.Generator) -> Mapping[str, float]:
        """Return further numbers that the attacker knows of a release, by name, each in [0, 1]."""
        return {}

    def confidence(self, target: Target, rng: np.random.Generator) -> FloatArray | None:
        """Return how sure it is that each cell has people, shape (n,), where it can tell."""
        return None

    def totals(self) -> tuple[Marginal, ...]:
        """Return the sums that it takes for published exactly beside the release."""
        return ()

    def rates(self, public: Public, counts: FloatArray) -> Rates | None:
        """Return what it reaches in the game *known-rest* in closed form, where it can be known.

        ``counts`` (n,) are those of all but the person in question, and -1 of an empty cell.
        """
        return None

    def ceiling(self, privacy: Guarantee, game: Game) -> TradeOff | None:
        """Return the best that any attack can do in a game, where the guarantee says so."""
        return ceiling_of(privacy, game)
