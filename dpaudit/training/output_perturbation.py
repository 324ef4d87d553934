"""Who is hurt when noise is added to fitted parameters: prediction and exact values.

References
----------
Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
fairness lens, NeurIPS, Theorem 1 and Corollaries 1 and 2; METHODS-learning 2.2 to 2.4.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.training.excess_risk import GroupExcess
from dpaudit.training.linear_models import softplus
from dpaudit.training.models import Model, group_traces
from dpaudit.training.records import Records

_EDGE = 9.0
_WIDE = 4.0
_PANELS = (0.0, 4.0, 12.0, 40.0)
_NODES = 24
TRUSTED = 0.5
"""Largest s ||x|| for which :func:`predicted_excess` is trusted (METHODS-learning 2.2)."""


def predicted_excess(
    model: Model, theta: FloatArray, records: Records, scale: float
) -> GroupExcess:
    """Return R_a as s^2 Tr(H_a) / 2 (Theorem 1).

    Parameters
    ----------
    theta
        The reference, shape (P,).
    scale
        s, the standard deviation of the noise on each parameter.

    Notes
    -----
    E L(theta + N) = exp(s^2 nabla^2 / 2) L, of which this is the first term; odd moments vanish,
    so the gradient of a group does not matter. Exact for squared loss; see :func:`trusted`.
    """
    _check_scale(scale)
    halves = 0.5 * scale**2 * group_traces(model, theta, records)
    return GroupExcess(groups=halves, shares=records.shares)


def trusted(records: Records, scale: float) -> BoolArray:
    """Return whether s ||x|| is at most 0.5 for every record of a group, shape (A,)."""
    reach = scale * np.sqrt(records.squared_norms)
    return records.means((reach > TRUSTED).astype(np.float64)) == 0


def squared_loss_excess(records: Records, scale: float, *, factor: float = 1.0) -> GroupExcess:
    """Return R_a = factor s^2 E||x||^2 of ``factor`` (theta . x - y)^2, exactly (Corollary 1).

    The corollary says Tr H_a = E||x||^2, which is that of the half-squared loss (``factor`` 1/2);
    of squared loss it is twice that.
    """
    _check_scale(scale)
    value = factor * scale**2 * records.means(records.squared_norms)
    return GroupExcess(groups=value, shares=records.shares)


def norms_allow_fairness(records: Records, tolerance: float = 1e-9) -> bool:
    """Return whether squared loss hurts all groups alike (Corollary 2, corrected).

    It does if the groups have equal mean **squared** norms. The corollary asks for equal mean
    norms, which is not enough: norms {1, 1} and {1/2, 3/2} have the same mean, squares 1 and 1.25.
    """
    squares = records.means(records.squared_norms)
    return bool(np.ptp(squares) <= tolerance * max(1.0, float(squares.max())))


def one_logit_excess(theta: FloatArray, records: Records, scale: float) -> GroupExcess:
    """Return R_a of a model with one logit under output perturbation, with no Monte Carlo.

    Notes
    -----
    The noisy logit of a record is z + s ||x|| u with u ~ N(0, 1), and the part y z of the loss has
    no excess: see :func:`softplus_excess`. Absolute error below 1e-12 of each record's value.
    """
    _check_scale(scale)
    logits, reach = _logits(theta, records, scale)
    value = records.means(softplus_excess(logits, reach))
    return GroupExcess(groups=value, shares=records.shares)


def softplus_excess(logits: FloatArray, reach: FloatArray) -> FloatArray:
    """Return E softplus(z + r u) - softplus(z) for u ~ N(0, 1).

    Parameters
    ----------
    logits, reach
        z and r >= 0, shape (n,).

    Returns
    -------
    FloatArray
        Shape (n,), nats, to an absolute 1e-12.

    Notes
    -----
    Up to r = 4 the trapezoid on [-9, 9] with step 1/2 or 1/(2 r), whose error falls
    exponentially. Above, E max(0, t) = z Phi(z/r) + r phi(z/r), and E log(1 + e^-|t|) by
    Gauss-Legendre panels in t: the density is then smooth where the integrand is not 0.
    """
    logits, reach = np.broadcast_arrays(np.asarray(logits, float), np.asarray(reach, float))
    value = np.zeros(logits.shape)
    for low, high in ((0.0, 1.0), (1.0, 2.0), (2.0, _WIDE)):
        chosen = (reach > low) & (reach <= high)
        if chosen.any():
            value[chosen] = _narrow(logits[chosen], reach[chosen], 0.5 / high)
    chosen = reach > _WIDE
    if chosen.any():
        value[chosen] = _wide(logits[chosen], reach[chosen])
    return value


def expected_accuracy(theta: FloatArray, records: Records, scale: float) -> FloatArray:
    """Return P(correct) of every record, shape (n,): Phi((2y - 1) z / (s ||x||)).

    A record is taken for class 1 if its logit is above 0; where no noise reaches it, that
    decides.
    """
    chance = expected_selection(theta, records, scale)
    return np.where(records.classes(2) == 1, chance, 1.0 - chance)


def expected_selection(theta: FloatArray, records: Records, scale: float) -> FloatArray:
    """Return P(logit > 0) of every record, shape (n,): Phi(z / (s ||x||))."""
    _check_scale(scale)
    logits, reach = _logits(theta, records, scale)
    still = reach == 0
    ratio = logits / np.where(still, 1.0, reach)
    return np.where(still, (logits > 0).astype(np.float64), special.ndtr(ratio))


def perturbed(theta: FloatArray, scale: float, rng: np.random.Generator) -> FloatArray:
    """Return theta + N(0, s^2 I), shape (P,): what output perturbation releases."""
    _check_scale(scale)
    return theta + scale * rng.standard_normal(theta.shape)


def _logits(theta: FloatArray, records: Records, scale: float) -> tuple[FloatArray, FloatArray]:
    return records.inputs @ theta, scale * np.sqrt(records.squared_norms)


def _narrow(logits: FloatArray, reach: FloatArray, step: float) -> FloatArray:
    """Pair u with -u: softplus(z + ru) + softplus(z - ru) - 2 softplus(z) >= 0 has no sign."""
    total = np.zeros_like(logits)
    centre = softplus(logits)
    for u in np.arange(step, _EDGE + step / 2, step):
        weight = step * math.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)
        pair = softplus(logits + reach * u) + softplus(logits - reach * u)
        total += weight * (pair - 2.0 * centre)
    return total


def _wide(logits: FloatArray, reach: FloatArray) -> FloatArray:
    ratio = logits / reach
    density = np.exp(-0.5 * ratio**2) / math.sqrt(2.0 * math.pi)
    total = logits * special.ndtr(ratio) + reach * density - softplus(logits)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    for low, high in itertools.pairwise(_PANELS):
        half = 0.5 * (high - low)
        for node, weight in zip(nodes, weights, strict=True):
            t = low + half * (1.0 + node)
            near = np.exp(-0.5 * ((t - logits) / reach) ** 2)
            far = np.exp(-0.5 * ((t + logits) / reach) ** 2)
            kept = half * weight * math.log1p(math.exp(-t)) / math.sqrt(2.0 * math.pi)
            total += kept * (near + far) / reach
    return total


def _check_scale(scale: float) -> None:
    if not 0 <= scale < math.inf:
        raise UsageError(
            f"scale {scale!r} of the noise is not 0 or more", hint="see noise_scale of sensitivity"
        )
