"""Products of all factors but one."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from dpaudit.model.arrays import ComplexArray, FloatArray

Factors = TypeVar("Factors", FloatArray, ComplexArray)


def products_without(factors: Factors, many: FloatArray) -> Factors:
    """Return, for every j, the product of all factors^many with one factor j left out.

    Parameters
    ----------
    factors
        Shape (..., m).
    many
        How often each enters the product, shape (m,), positive whole numbers.

    Notes
    -----
    Products from the left and from the right meet at j: no division, so that a factor of zero
    is no exception.

    Examples
    --------
    >>> products_without(np.array([2.0, 0.0, 5.0]), np.array([1.0, 1.0, 2.0]))
    array([ 0., 50.,  0.])
    """
    repeated = np.flatnonzero(many > 1)
    powers = factors.copy()
    powers[..., repeated] = factors[..., repeated] ** many[repeated]
    left = np.ones_like(factors)
    np.cumprod(powers[..., :-1], axis=-1, out=left[..., 1:])
    right = np.ones_like(factors)
    right[..., :-1] = np.cumprod(powers[..., :0:-1], axis=-1)[..., ::-1]
    left *= right
    left[..., repeated] *= factors[..., repeated] ** (many[repeated] - 1.0)
    return left
