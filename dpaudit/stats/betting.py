"""Tests of a privacy claim by betting: valid at every moment, so stop, peek and resume at will.

A pair of outputs, A of a data set and B of its neighbour, is drawn again and again. Before a pair
is seen, every possible output has a guess (A or B), a predicted chance of being right, and a
stake. Under the claim the wealth of the bettor has no expected growth, so that by Ville's
inequality it ever exceeds 1 / risk with probability ``risk`` at most.

Notes
-----
Let h(x) in [0, 1] be the stake on output x, and R and W the stakes that turned out right and wrong
(0 or h each). An (epsilon, delta)-private mechanism has, of an output whose side is tossed,
E[R - e^epsilon W] <= delta: each side's stakes form a test function, and both sides average. So
1 + lambda (R - e^epsilon W - delta) has mean at most 1 for lambda <= 1 / (e^epsilon + delta).
A pair has one output of each side, independent; the product of the two factors has mean at most 1
because the two means average to at most 1 (arithmetic and geometric mean). Wealth is averaged over
several rules of staking, which is again such a wealth.

Where delta matters and epsilon is large, such stakes are small whatever happens. Then the
likelihood of the counts, as predicted from the past, over the largest likelihood that the claim
allows is a second wealth (universal inference).

References
----------
Ville (1939), Étude critique de la notion de collectif. Waudby-Smith and Ramdas (2024), Estimating
means of bounded random variables by betting, JRSS B 86(1). Wasserman, Ramdas and Balakrishnan
(2020), Universal inference, PNAS 117(29), section 7 (the running likelihood ratio). González et
al. (2025), Sequentially auditing differential privacy, NeurIPS. METHODS-attacks 4.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

FRACTIONS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Stakes as shares of what would be best if the predictions were right."""

FLAT = (0.05, 0.2, 0.5, 0.9)
"""Stakes that are equal wherever a guess beats the claim, as shares of the largest possible."""

_BELOW = 1.0 - 1e-9
"""No stake is all that one has: a single wrong guess would end the game."""

_STEPS = 45


@attrs.frozen(kw_only=True, eq=False)
class Book:
    """What is predicted of the outputs, which are sorted into levels, before they are seen.

    Parameters
    ----------
    sign
        Guess at each level: 1 for A, -1 for B, 0 for none; shape (L,).
    right
        Predicted chance that the guess is right if either side is equally likely, shape (L,).
    rates
        Predicted chances of each level under A and under B, shape (2, L); ``None`` where
        nothing is known yet.
    """

    sign: FloatArray
    right: FloatArray
    rates: FloatArray | None = None


class Wealth:
    """The logarithm of what a bettor has made against several claims at one delta.

    Parameters
    ----------
    epsilons
        Claims, rising, shape (E,).
    delta
        That all of them grant, in [0, 1).

    Attributes
    ----------
    pairs
        Bet on so far.

    Raises
    ------
    UsageError
        If a claim is negative or not finite, or delta is out of range.

    Examples
    --------
    A hundred pairs of which A always shows 1 and B never:

    >>> wealth = Wealth(np.array([0.5]))
    >>> sure = Book(sign=np.array([1.0, 0.0]), right=np.array([0.9, 0.5]))
    >>> wealth.bet(sure, np.array([100.0, 0.0]), np.array([0.0, 100.0]))
    >>> bool(wealth.log()[0] > math.log(1e6))
    True
    """

    def __init__(self, epsilons: FloatArray, delta: float = 0.0) -> None:
        values = np.asarray(epsilons, dtype=np.float64)
        if not (np.isfinite(values) & (values >= 0)).all() or not 0 <= delta < 1:
            raise UsageError(
                f"claims of epsilon {values.tolist()} at delta {delta!r}",
                hint="give numbers of 0 or more, and a delta from 0 to below 1",
            )
        self.epsilons, self.delta = values, delta
        self.pairs = 0
        plans = len(FRACTIONS) + len(FLAT) + int(delta > 0)
        self._log = np.zeros((plans, values.size))

    def bet(self, book: Book, ours: FloatArray, theirs: FloatArray) -> None:
        """Settle the bets of as many pairs as there are outputs of A.

        Parameters
        ----------
        book
            Made before the outputs were seen.
        ours, theirs
            Outputs of A and of B at each level, shape (L,) each, of equal sums.

        Raises
        ------
        UsageError
            If the sums differ: a pair has an output of each side.
        """
        pairs = ours.sum()
        if theirs.sum() != pairs:
            raise UsageError(
                f"{pairs:g} outputs of one side and {theirs.sum():g} of the other",
                hint="bet on pairs: one output of each side",
            )
        right = np.where(book.sign > 0, ours, theirs) * (book.sign != 0)
        wrong = np.where(book.sign > 0, theirs, ours) * (book.sign != 0)
        chance = np.where(book.sign != 0, book.right, 0.0)
        seen = right + wrong > 0
        stakes = self._stakes(chance[seen])
        reserve = self._stakes(chance.max(keepdims=True, initial=0.0))[:, :, 0]
        self._log[: len(stakes)] += self._settled(
            stakes, reserve, right[seen], wrong[seen], 2.0 * pairs
        )
        if self.delta > 0 and book.rates is not None:
            self._log[-1] += self._likelihoods(book, book.rates, ours, theirs, pairs)
        self.pairs += int(pairs)

    def log(self) -> FloatArray:
        """Return the log of the average wealth over the rules of staking, shape (E,)."""
        return np.asarray(special.logsumexp(self._log, axis=0) - math.log(len(self._log)))

    def _stakes(self, chance: FloatArray) -> FloatArray:
        """Return lambda h at levels with such chances, shape (plans, E, L); it grows with them."""
        growth = np.exp(-self.epsilons)[:, None]
        most = _BELOW / (np.exp(self.epsilons) + self.delta)[:, None]
        best = np.clip(chance * (1.0 + growth) - 1.0, 0.0, most)
        flat = np.where(best > 0, most, 0.0)
        return np.stack([*(c * best for c in FRACTIONS), *(c * flat for c in FLAT)])

    def _settled(
        self,
        stakes: FloatArray,
        reserve: FloatArray,
        right: FloatArray,
        wrong: FloatArray,
        outputs: float,
    ) -> FloatArray:
        """Return the log of the factors by which wealth grows, shape (plans, E)."""
        cost = (self.delta * reserve)[:, :, None]
        up = np.log1p(stakes - cost)
        down = np.log1p(-(stakes * np.exp(self.epsilons)[:, None] + cost))
        idle = outputs - right.sum() - wrong.sum()
        return up @ right + down @ wrong + idle * np.log1p(-cost[:, :, 0])

    def _likelihoods(
        self, book: Book, rates: FloatArray, ours: FloatArray, theirs: FloatArray, pairs: float
    ) -> FloatArray:
        """Return log predicted minus largest allowed likelihood for the event of each side."""
        made = np.empty((2, self.epsilons.size))
        for side, sign in enumerate((1.0, -1.0)):
            beats = book.right[None, :] * (1.0 + np.exp(-self.epsilons))[:, None] > 1.0
            event = (beats & (book.sign == sign)).astype(np.float64)
            loud, quiet = (ours, theirs) if side == 0 else (theirs, ours)
            hits, false = event @ loud, event @ quiet
            chances = np.clip(event @ rates.T, 0.0, 1.0)
            predicted = _log_likelihood(hits, pairs, chances[:, side])
            predicted += _log_likelihood(false, pairs, chances[:, 1 - side])
            allowed = _largest(hits, false, pairs, self.epsilons, self.delta)
            made[side] = np.where(event.any(axis=1), predicted - allowed, 0.0)
        return np.asarray(special.logsumexp(made, axis=0) - math.log(2.0), dtype=np.float64)


def _log_likelihood(hits: FloatArray, trials: float, chance: FloatArray) -> FloatArray:
    likelihood = special.xlogy(hits, chance) + special.xlog1py(trials - hits, -chance)
    return np.asarray(likelihood, dtype=np.float64)


def _largest(
    hits: FloatArray, false: FloatArray, pairs: float, epsilons: FloatArray, delta: float
) -> FloatArray:
    """Return the largest log likelihood of both counts if P(hit) <= e^epsilon P(false) + delta."""
    growth = np.exp(epsilons)
    p, q = hits / pairs, false / pairs
    free = _log_likelihood(hits, pairs, p) + _log_likelihood(false, pairs, q)

    def at(y: FloatArray) -> FloatArray:
        bound = np.minimum(growth * y + delta, 1.0)
        return _log_likelihood(hits, pairs, bound) + _log_likelihood(false, pairs, y)

    # On the boundary the log likelihood is concave in y; y lies between q and where p is allowed.
    low, high = q, np.maximum(np.minimum((p - delta) / growth, 1.0), q)
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    for _ in range(_STEPS):
        width = high - low
        left, right = high - golden * width, low + golden * width
        below = at(left) < at(right)
        low, high = np.where(below, left, low), np.where(below, high, right)
    # The maximum is flat: what the search leaves is far below this allowance.
    bound = at(0.5 * (low + high)) + 1e-9
    return np.where(p <= growth * q + delta, free, np.minimum(bound, free))
