"""Excessive risk of groups, with its sign, and what its estimation costs.

References
----------
Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
fairness lens, NeurIPS, Definition 1; METHODS-learning 1.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray


@attrs.frozen(kw_only=True, eq=False)
class GroupExcess:
    """R_a of every group, and what follows from it.

    Parameters
    ----------
    groups
        R_a = E L(private; D_a) - L(reference; D_a), shape (A,), in the unit of the loss. May be
        negative: the reference minimises the loss of all, not of a group.
    shares
        p_a, shape (A,), with sum 1.
    """

    groups: FloatArray
    shares: FloatArray

    @property
    def overall(self) -> float:
        """R = sum p_a R_a."""
        return float(self.shares @ self.groups)

    @property
    def signed_gaps(self) -> FloatArray:
        """R_a - R, shape (A,): above 0 where a group is hurt more than people are on average."""
        return self.groups - self.overall

    @property
    def gaps(self) -> FloatArray:
        """xi_a = |R_a - R|, shape (A,).

        With two groups xi_a = p_b |R_a - R_b|: the smaller group has the larger one whoever is
        hurt. Read it beside :attr:`signed_gaps`.
        """
        return np.abs(self.signed_gaps)

    @property
    def largest_difference(self) -> float:
        """Max |R_a - R_b| over pairs of groups."""
        return float(np.ptp(self.groups))


@attrs.frozen(kw_only=True)
class RunInterval:
    """A mean over independent runs with Student's interval, in the unit of the runs."""

    mean: float
    standard_error: float
    quantile: float
    low: float
    high: float


def run_interval(runs: FloatArray, level: float = 0.95) -> RunInterval:
    """Return the mean of ``runs`` (M,) with its t-interval of M - 1 degrees of freedom.

    Raises
    ------
    UsageError
        If there are fewer than two runs or the level is not in (0, 1).

    Examples
    --------
    >>> round(run_interval(np.array([1.0, 2.0, 3.0])).high, 4)
    4.4841
    """
    runs = np.asarray(runs, dtype=np.float64)
    if runs.ndim != 1 or len(runs) < 2:  # noqa: PLR2004 (one run has no spread)
        raise UsageError(f"runs have the shape {runs.shape}", hint="make at least two runs")
    _check_level(level)
    mean, error = float(runs.mean()), float(runs.std(ddof=1) / math.sqrt(len(runs)))
    quantile = float(special.stdtrit(len(runs) - 1, 0.5 + 0.5 * level))
    reach = quantile * error
    return RunInterval(
        mean=mean, standard_error=error, quantile=quantile, low=mean - reach, high=mean + reach
    )


def gap_interval(runs: FloatArray, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of |mean| from run-level signed gaps (M,): [max(0, |G| - t SE), ...].

    The absolute value of a mean is biased upwards (:func:`folded_mean`).
    """
    found = run_interval(runs, level)
    reach = found.quantile * found.standard_error
    return max(0.0, abs(found.mean) - reach), abs(found.mean) + reach


def runs_needed(deviation: float, half_width: float, level: float = 0.95) -> int:
    """Return the runs after which an interval is +- ``half_width``: ceil((z sd / h)^2).

    Raises
    ------
    UsageError
        If the half width is not positive or the deviation negative.

    Examples
    --------
    >>> runs_needed(0.004, 0.0005)
    246
    """
    _check_level(level)
    if not half_width > 0 or not deviation >= 0:
        raise UsageError(
            f"deviation {deviation!r} with half width {half_width!r}",
            hint="give a deviation of 0 or more and a positive half width",
        )
    z = float(special.ndtri(0.5 + 0.5 * level))
    return max(2, math.ceil((z * deviation / half_width) ** 2))


def folded_mean(mean: float, error: float) -> float:
    """Return E|N(mean, error^2)|: what an absolute gap shows on average.

    Examples
    --------
    >>> round(folded_mean(0.0, 1.0), 6)
    0.797885
    """
    if error == 0:
        return abs(mean)
    ratio = mean / error
    tail = 1.0 - 2.0 * float(special.ndtr(-ratio))
    return error * math.sqrt(2.0 / math.pi) * math.exp(-0.5 * ratio * ratio) + mean * tail


def quadratic_moments(
    gradient: FloatArray, hessian: FloatArray, scale: float
) -> tuple[float, float, float]:
    """Return mean and variance of g.N + N'HN / 2, and the variance of an antithetic pair's mean.

    Parameters
    ----------
    gradient, hessian
        g (P,) and H (P, P) of a group at the reference.
    scale
        s, the standard deviation of each coordinate of N.

    Notes
    -----
    s^2 Tr H / 2; s^2 |g|^2 + s^4 |H|_F^2 / 2; the pair loses the first term.
    """
    curved = 0.5 * scale**4 * float(np.sum(hessian**2))
    mean = 0.5 * scale**2 * float(np.trace(hessian))
    return mean, scale**2 * float(gradient @ gradient) + curved, curved


def wilson(hits: FloatArray, trials: FloatArray, level: float = 0.95) -> tuple[FloatArray, ...]:
    """Return the lower and upper ends of Wilson's interval of a probability.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal
    of the American Statistical Association 22(158).

    Examples
    --------
    >>> [round(float(end), 4) for end in wilson(np.array(83), np.array(100))]
    [0.7445, 0.8911]
    """
    _check_level(level)
    z2 = float(special.ndtri(0.5 + 0.5 * level)) ** 2
    share = np.asarray(hits) / trials
    centre = (share + z2 / (2.0 * trials)) / (1.0 + z2 / trials)
    spread = share * (1.0 - share) / trials + z2 / (4.0 * trials**2)
    reach = np.sqrt(z2 * spread) / (1.0 + z2 / trials)
    return centre - reach, centre + reach


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise UsageError(f"level {level!r} is not in (0, 1)", hint="a common choice is 0.95")
