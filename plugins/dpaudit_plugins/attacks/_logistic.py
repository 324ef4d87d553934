"""Logistic regression of counts of successes, by Newton's method."""

from __future__ import annotations

import numpy as np

from dpaudit import FloatArray

_RIDGE = 1e-3
_STEPS = 40
_DONE = 1e-9


def fitted(features: FloatArray, hits: FloatArray, trials: FloatArray) -> FloatArray:
    """Return the weights (d,) that make ``hits`` of ``trials`` (m,) likeliest, with a slight ridge.

    Parameters
    ----------
    features
        Shape (m, d).

    Examples
    --------
    >>> w = fitted(np.ones((1, 1)), np.array([75.0]), np.array([100.0]))
    >>> round(float(w[0]), 2)
    1.1
    """
    weights = np.zeros(features.shape[1])
    ridge = _RIDGE * np.eye(features.shape[1])
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(features @ weights, -30.0, 30.0)))
        slope = features.T @ (hits - trials * chance) - _RIDGE * weights
        curve = (features * (trials * chance * (1.0 - chance))[:, None]).T @ features + ridge
        step = np.linalg.solve(curve, slope)
        weights = weights + step
        if float(np.abs(step).max()) < _DONE:
            break
    return weights
