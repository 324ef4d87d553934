"""What rare clips may add to the bias of a rule that declares nothing.

Where a count is clipped in fewer than 100 of the draws that were made, the sample may hold too
few such draws, or none, while what else varies lends it a small and steady standard error. How
often each count is clipped is known, and what one clip does to a black box can be tried.
"""

from __future__ import annotations

import functools

import numpy as np

from dpaudit.engine.tally import Controlled
from dpaudit.model.arrays import FloatArray

_SEEN = 100.0
"""So many expected clips speak for themselves."""

_MOST_WORK = 2**30
_CHUNK = 2**17


@functools.lru_cache(maxsize=16)
def clip_allowance(
    controlled: Controlled, draws: int, confidence: float, *, with_control: bool
) -> FloatArray:
    """Return by how much clips that the draws lack may move each bias, shape (n,).

    Parameters
    ----------
    controlled
        The job and its control.
    draws
        How many there were.
    confidence
        Probability with which it holds for all of them.
    with_control
        Whether the bias is what the control leaves.

    Notes
    -----
    With p_i the probability that count i is clipped and g_ij what that alone does to outcome j,
    the draws lack at most ``min(sum_i p_i g_ij, sqrt(2 L sum_i p_i g_ij^2 / N))`` of its mean,
    but for a risk of exp(-L), with
    L = ln(n / (1 - confidence)): the lower tail of a sum of independent, non-negative variables,
    exp(-t^2 / (2 sum E X^2)). Draws with too many clips show it in their own variance. Effects
    of several clips in one draw, and of counts that come near 0, are not in it.

    References
    ----------
    Maurer (2003), A bound on the deviation probability for sums of non-negative random
    variables, Journal of Inequalities in Pure and Applied Mathematics 4(1).
    """
    job = controlled.job
    chain, nothing = job.chain, np.zeros(job.n)
    noise = chain.reduced()[0]
    undeclared = job.structure is None and not job.output and chain.width == 1
    if noise is None or not undeclared or not chain.is_clipped or job.is_random_after_noise:
        return nothing
    chance = np.broadcast_to(noise.cdf(-chain.counts), nothing.shape)
    rare = np.flatnonzero((chance > 0) & (chain.counts > 0) & (draws * chance < _SEEN))
    if rare.size * job.n > _MOST_WORK:
        rare = rare[np.argsort(-chance[rare], kind="stable")[: _MOST_WORK // job.n]]
    whole, square = np.zeros_like(nothing), np.zeros_like(nothing)
    step = max(1, _CHUNK // job.n)
    for start in range(0, rare.size, step):
        which = rare[start : start + step]
        gap = np.abs(_effects(controlled, which, with_control=with_control))
        whole += chance[which] @ gap
        square += chance[which] @ np.square(gap)
    return np.minimum(whole, np.sqrt(2.0 * np.log(job.n / (1.0 - confidence)) * square / draws))


def _effects(controlled: Controlled, which: np.ndarray, *, with_control: bool) -> FloatArray:
    """Return what setting each of some counts to 0 changes, shape (len(which), n)."""
    job = controlled.job
    counts = np.tile(job.chain.counts, (len(which) + 1, 1))
    counts[np.arange(len(which)), which] = 0.0  # the last row stays as it is
    found = job.outcome(job.chain.process(counts)) - job.truth
    if with_control:
        found = controlled.minus_control(found, counts)
    return found[:-1] - found[-1]
