"""The law of a noise at single values: log densities, or log probabilities of whole values."""

from __future__ import annotations

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise

_NEAR = 1e-9
"""How far from a whole number a value may be that is taken for one."""


def log_law(noise: Noise, t: FloatArray) -> FloatArray | None:
    """Return the log density at ``t`` (n,), or of whole-valued noise the log probability.

    Parameters
    ----------
    noise
        X, of each entry of ``t`` or of all.
    t
        Persons; NaN is impossible.

    Returns
    -------
    FloatArray or None
        -inf where ``t`` is impossible; ``None`` where X has neither density nor whole values.

    Examples
    --------
    >>> from dpaudit.noise.geometric import Geometric
    >>> float(np.exp(log_law(Geometric(1.0), np.array([0.0]))[0]).round(6))
    0.462117
    """
    at = np.asarray(t, dtype=np.float64)
    still = np.broadcast_to(noise.variance == 0, at.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.where(np.abs(at) <= _NEAR, 0.0, -np.inf)
        if still.all():
            return exact
        if noise.lattice:
            whole = np.rint(at)
            # The lower tail of a cdf is accurate relative to itself, the upper one is not.
            low = -np.abs(whole) if noise.symmetric else whole
            mass = noise.cdf(low) - noise.cdf(low - 1.0)
            law = np.where(np.abs(at - whole) <= _NEAR, np.log(np.maximum(mass, 0.0)), -np.inf)
        else:
            density = noise.density(at)
            if density is None:
                return None
            law = np.log(density)
        return np.where(still, exact, np.where(np.isnan(at), -np.inf, law))
