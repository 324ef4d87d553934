"""The control of outcomes that follow from own values and their sums.

Write u for the own value of entity i that is shared out, m for its mean, S for the sums of the
own values over its group and D for their deviations from the means, over all groups. The outcome
u L(S) is expanded to second order around the means,

    u L + (m + (u - m)) L' D + m D' L'' D / 2,

where L'' is of the sums of the entity's own group. Every term has a known mean: that of u, however
rarely it jumps, follows from its own distribution, and those of the others are covariances of own
values, because entities are independent. Slopes are differences over one standard deviation of
the sums: whatever they are, the mean is right.

What is left is of third order. Draws need not show the part of it that rare events carry: with
level proportional to 1 / S, an event of probability r or less brings at most

    (sqrt(r v) V + t) L / S^2 + 3 m (sqrt(r V) V + T) L / S^3

to the mean, where v and t are the variance and the third absolute moment of u, and V and T their
sums over the group (by Cauchy and Schwarz; derived for this project). This much is allowed for.

References
----------
PERFORMANCE W1d (own noise and denominator); METHODS-decisions 2.3.
"""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.estimators.chain import Chain
from dpaudit.estimators.control import DecisionControl
from dpaudit.model.arrays import FloatArray
from dpaudit.model.structure import Local, Parts, Share
from dpaudit.noise.own_moments import OwnMoments, own_moments
from dpaudit.noise.released import Released


def local_control(chain: Chain, structure: Local) -> DecisionControl | None:
    """Return the control of outcomes that follow from own values and their sums.

    Parameters
    ----------
    chain
        The release.
    structure
        What the decision declares.

    Returns
    -------
    DecisionControl or None
        ``None`` unless the release is a count plus independent noise, clipped at zero or not,
        of which :func:`own_moments` knows the moments.
    """
    noise, rest = chain.reduced()
    if noise is None or not chain.is_flat or not chain.mechanism.independent:
        return None
    if rest and not chain.is_clipped:
        return None
    given = Released(noise, chain.counts, clipped=bool(rest))
    terms = []
    for share in structure.terms:
        moments = own_moments(given, share.own, share.breaks)
        if moments is None:
            return None
        terms.append(_Term.of(share, moments))

    def expansion(noisy: FloatArray) -> FloatArray:
        released = chain.process(noisy)
        return sum((term.deviation(released) for term in terms), np.zeros_like(released))

    zero = np.zeros_like(chain.counts)

    def beyond(risk: float) -> FloatArray:
        return sum((term.beyond(risk) for term in terms), zero)

    return DecisionControl(
        expansion=expansion,
        mean=sum((term.mean for term in terms), zero),
        is_complete=True,
        error=sum((term.error for term in terms), zero),
        beyond=beyond,
    )


@attrs.frozen(kw_only=True, eq=False)
class _Term:
    """One term, expanded.

    Parameters
    ----------
    share, moments
        What is declared, and moments of its own values.
    order, starts
        Entities sorted by group, and where each group begins.
    centre, covariance
        Means and covariances of the sums of each group, shape (q, g) and (q, q, g).
    level
        L at the means, shape (g,).
    slopes
        L', shape (q, g, g): of every sum of every group, what a unit adds to each level.
    bends
        L'' / 2 of each level in the sums of its own group, shape (q, q, g).
    """

    share: Share
    moments: OwnMoments
    order: np.ndarray
    starts: np.ndarray
    centre: FloatArray
    covariance: FloatArray
    level: FloatArray
    slopes: FloatArray
    bends: FloatArray

    @classmethod
    def of(cls, share: Share, moments: OwnMoments) -> _Term:
        order = np.argsort(share.groups, kind="stable")
        starts = np.flatnonzero(np.diff(share.groups[order], prepend=-1))
        centre = _sums(moments.mean, order, starts)
        covariance = _sums(moments.covariance, order, starts)
        spread = np.sqrt(np.einsum("aag->ag", covariance))
        step = np.where(spread > 0, spread, 1.0)
        return cls(
            share=share,
            moments=moments,
            order=order,
            starts=starts,
            centre=centre,
            covariance=covariance,
            level=_levels(share, centre[None])[0],
            slopes=_slopes(share, centre, step),
            bends=_bends(share, centre, step),
        )

    @property
    def _mixed(self) -> FloatArray:
        """E (u - m) L' D, shape (n,)."""
        groups = self.share.groups
        own = self.slopes[:, groups, groups] * self.moments.covariance[0]
        return np.asarray(own.sum(axis=0))

    @property
    def _curved(self) -> FloatArray:
        """E D' L'' D / 2, shape (g,)."""
        return np.einsum("abg,abg->g", self.bends, self.covariance)

    @property
    def mean(self) -> FloatArray:
        """The mean of the expansion, shape (n,)."""
        level = (self.level + self._curved)[self.share.groups]
        return self.moments.mean[0] * level + self._mixed

    @property
    def error(self) -> FloatArray:
        """What the numerical errors of the moments may do to the mean, shape (n,).

        An error in the mean of one entity is one of the sums around which all are expanded.
        """
        groups, own = self.share.groups, self.moments
        sums = _sums(own.mean_error, self.order, self.starts)
        products = _sums(own.covariance_error, self.order, self.starts)
        common = np.einsum("ag,agh->h", sums, np.abs(self.slopes))
        common += np.einsum("abg,abg->g", np.abs(self.bends), products)
        mixed = (np.abs(self.slopes[:, groups, groups]) * own.covariance_error[0]).sum(axis=0)
        known = own.mean_error[0] * np.abs(self.level[groups])
        return np.asarray(known + np.abs(own.mean[0]) * common[groups] + mixed)

    def beyond(self, risk: float) -> FloatArray:
        """Return what events of probability ``risk`` or less may bring to what is left, (n,)."""
        groups, own = self.share.groups, self.moments
        total, variance = self.centre[0], self.covariance[0, 0]
        third = np.add.reduceat(own.third[self.order], self.starts)
        least = np.sqrt(np.maximum(variance, np.finfo(np.float64).tiny))
        total = np.maximum(np.abs(total), least)  # sums of nothing but noise
        alone = np.sqrt(risk * own.covariance[0, 0].clip(0.0)) * variance[groups] + own.third
        common = 3.0 * (np.sqrt(risk * variance) * variance + third) / total**3
        level = np.abs(self.level)
        lacking = alone * (level / total**2)[groups]
        return np.asarray(lacking + np.abs(own.mean[0]) * (level * common)[groups])

    def deviation(self, released: FloatArray) -> FloatArray:
        """Return the expansion minus its mean, shape (draws, n), of released counts."""
        groups, own = self.share.groups, self.moments
        parts = [part - mean for part, mean in zip(self.share.own(released), own.mean, strict=True)]
        sums = [np.add.reduceat(part[..., self.order], self.starts, axis=-1) for part in parts]
        moved, curved = np.zeros_like(sums[0]), np.zeros_like(sums[0])
        for each, slope, row in zip(sums, self.slopes, self.bends, strict=True):
            moved += each @ slope
            for other, bend in zip(sums, row, strict=True):
                curved += bend * each * other
        result: FloatArray = parts[0] * (self.level + moved)[..., groups]
        result += own.mean[0] * (moved + curved - self._curved)[..., groups]
        result -= self._mixed
        return result


def _sums(values: FloatArray, order: np.ndarray, starts: np.ndarray) -> FloatArray:
    """Return sums over groups, shape (..., g), of values (..., n)."""
    found: FloatArray = np.add.reduceat(values[..., order], starts, axis=-1)
    return found


def _slopes(share: Share, centre: FloatArray, step: FloatArray) -> FloatArray:
    """Return the slopes (q, g, g) of the levels in every sum, over ``step`` (q, g)."""
    parts, groups = centre.shape
    moves = np.eye(parts * groups).reshape(-1, parts, groups) * step
    up, down = (_levels(share, centre + sign * moves) for sign in (1.0, -1.0))
    return ((up - down) / (2.0 * step.reshape(-1, 1))).reshape(parts, groups, groups)


def _bends(share: Share, centre: FloatArray, step: FloatArray) -> FloatArray:
    """Return half the second differences (q, q, g) of each level in the sums of its own group."""
    parts, groups = centre.shape
    moves = np.eye(parts * groups).reshape(parts, groups, parts, groups) * step
    bends = np.empty((parts, parts, groups))
    for a, b in np.ndindex(parts, parts):
        corners = [
            one * two * np.diagonal(_levels(share, centre + one * moves[a] + two * moves[b]))
            for one in (1.0, -1.0)
            for two in (1.0, -1.0)
        ]
        bends[a, b] = sum(corners) / (8.0 * step[a] * step[b])
    return bends


def _levels(share: Share, sums: FloatArray) -> FloatArray:
    """Return levels (m, g) of sums (m, q, g)."""
    made: Parts = tuple(np.ascontiguousarray(sums[:, part]) for part in range(sums.shape[1]))
    return share.level(made)
