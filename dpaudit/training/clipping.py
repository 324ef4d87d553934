"""What clipping takes from whom: factors, bias at first order, and conditions that order groups.

References
----------
Tran, Dinh and Fioretto (2021), NeurIPS, Theorem 3 (as recalled in METHODS-learning 3.4, whose
two-group lemma is sharper); Esipova, Ghomi, Luo and Cresswell (2023), Disparate impact in
differential privacy from gradient misalignment, ICLR (direction and magnitude); Bu, Wang, Long and
Shen (2023) for DPSGD-Global.
"""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.training.records import Records

Rule = Literal["flat", "global", "global-adapt"]


def clip_factors(
    norms: FloatArray, bound: float, *, rule: Rule = "flat", threshold: float | None = None
) -> FloatArray:
    """Return the factor by which each gradient is multiplied, of the shape of ``norms``.

    Parameters
    ----------
    norms
        ||g_i||.
    bound
        C; a multiplied gradient has at most this norm.
    rule
        ``flat``: min(1, C/||g||). ``global``: C/Z, and 0 above Z. ``global-adapt``:
        C/max(Z, ||g||), which with fixed Z is flat clipping at Z with steps shrunk by C/Z.
    threshold
        Z, for the last two.

    Examples
    --------
    >>> clip_factors(np.array([0.5, 2.0]), 1.0).tolist()
    [1.0, 0.5]
    """
    if not bound > 0:
        raise UsageError(f"clip bound {bound!r} is not positive", hint="give a positive number")
    if rule == "flat":
        return bound / np.maximum(norms, bound)
    if threshold is None or not threshold >= bound:
        raise UsageError(
            f"threshold {threshold!r} of rule {rule!r} is below the clip bound {bound!r}",
            hint="give a threshold of at least the bound",
        )
    if rule == "global":
        return np.where(norms <= threshold, bound / threshold, 0.0)
    return bound / np.maximum(norms, threshold)


@attrs.frozen(kw_only=True, eq=False)
class ClipBias:
    """What clipping does to one full-batch step, by group, shape (A,) unless said otherwise.

    Parameters
    ----------
    factors
        Of every record, shape (n,).
    mean_gradient, clipped_gradient
        g_D and its clipped mean without noise, shape (P,).
    first_order
        eta <g_a, g_D - clipped>: above 0 where the group's loss falls less for it.
    direction, magnitude
        The two parts of ``first_order``: with M = ||clipped|| / ||g_D||, of M g_D - clipped and
        of g_D - M g_D.
    share_clipped
        The share of records with a factor below 1.
    lost_mass
        E[(1 - c_i) ||g_i||], the best single diagnostic of whom clipping hurts.
    cosine
        Between the group's mean gradient and its clipped mean; 0 where one is 0.
    cosine_all
        The same of all records, a number.
    """

    factors: FloatArray
    mean_gradient: FloatArray
    clipped_gradient: FloatArray
    first_order: FloatArray
    direction: FloatArray
    magnitude: FloatArray
    share_clipped: FloatArray
    lost_mass: FloatArray
    cosine: FloatArray
    cosine_all: float


def clip_bias(gradients: FloatArray, records: Records, bound: float, step: float) -> ClipBias:
    """Return the bias of clipping ``gradients`` (n, P) at ``bound`` in a step of size ``step``."""
    norms = np.linalg.norm(gradients, axis=1)
    factors = clip_factors(norms, bound)
    clipped = factors[:, None] * gradients
    of_group, mean, kept = records.means(gradients), gradients.mean(axis=0), clipped.mean(axis=0)
    whole = float(np.linalg.norm(mean))
    ratio = float(np.linalg.norm(kept)) / whole if whole else 0.0
    return ClipBias(
        factors=factors,
        mean_gradient=mean,
        clipped_gradient=kept,
        first_order=step * of_group @ (mean - kept),
        direction=step * of_group @ (ratio * mean - kept),
        magnitude=step * of_group @ (mean - ratio * mean),
        share_clipped=records.means((factors < 1).astype(np.float64)),
        lost_mass=records.means((1.0 - factors) * norms),
        cosine=_cosines(of_group, records.means(clipped)),
        cosine_all=float(_cosines(mean[None], kept[None])[0]),
    )


def two_group_lemma(
    shares: tuple[float, float], norms: tuple[float, float], bound: float
) -> tuple[float, float, bool]:
    """Return both sides of a condition under which clipping hurts group a more, and if it holds.

    Parameters
    ----------
    shares, norms
        p and ||g|| of the mean gradients of groups a and b.
    bound
        C.

    Notes
    -----
    At first order, with s = ||g_a|| and t = ||g_b||: if p_a <= p_b, p_a s - p_b t >= C; else
    (p_a s + p_b t)(s - t) >= C (s + t). It never holds at the optimum, where p_a s = p_b t.
    """
    (p, q), (s, t) = shares, norms
    left, right = (p * s - q * t, bound) if p <= q else ((p * s + q * t) * (s - t), bound * (s + t))
    return left, right, left >= right


def paper_condition(
    shares: tuple[float, float], norms: tuple[float, float], bound: float
) -> tuple[float, float, bool]:
    """Return both sides of Theorem 3's condition as recalled, and whether it holds.

    ||g_a|| (p_a - p_a^2/2) >= 5 C/2 + ||g_b|| (1 + p_b + p_b^2/2).
    """
    (p, q), (s, t) = shares, norms
    left, right = s * (p - 0.5 * p * p), 2.5 * bound + t * (1.0 + q + 0.5 * q * q)
    return left, right, left >= right


def boundary_closeness(chances: FloatArray) -> FloatArray:
    """Return 1 - sum f_k^2 of chances (n, K), shape (n,).

    At most 1 - 1/K, where f = 1/K, and 0 at a certain class (Theorem 5). With K = 2 it orders
    records by their distance to the boundary; with more it does not: (1/2, 1/2, 0) lies on a
    boundary and has 1/2, less than the 2/3 of (1/3, 1/3, 1/3).

    Examples
    --------
    >>> boundary_closeness(np.array([[0.5, 0.5, 0.0]])).tolist()
    [0.5]
    """
    return 1.0 - np.einsum("ij,ij->i", chances, chances)


def boundary_distance(theta: FloatArray, inputs: FloatArray) -> FloatArray:
    """Return |theta . x| / ||theta||, shape (n,): how far each input is from one logit's boundary.

    Raises
    ------
    UsageError
        If theta is 0, which has no boundary.
    """
    norm = float(np.linalg.norm(theta))
    if norm == 0:
        raise UsageError("theta is 0 everywhere: there is no boundary", hint="fit the model first")
    return np.abs(inputs @ theta) / norm


def _cosines(left: FloatArray, right: FloatArray) -> FloatArray:
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    products = np.einsum("ij,ij->i", left, right)
    return np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
