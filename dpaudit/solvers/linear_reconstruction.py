"""Records from noisy sums of them: the attack of Dinur and Nissim, two ways.

Bits (or counts up to some size) are recovered from sums over known subsets with noise on them.
Least absolute residuals are likeliest under Laplace noise, least squares under normal noise; which
of the two fits is read from the residuals.

References
----------
Dinur and Nissim (2003), Revealing information while preserving privacy, PODS. Dwork, McSherry and
Talwar (2007), The price of privacy and the limits of LP decoding, STOC.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from scipy import sparse

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

Method = Literal["least-absolute", "least-squares"]


def least_absolute(
    queries: FloatArray | sparse.csr_matrix,
    answers: FloatArray,
    upper: float = 1.0,
    exact: FloatArray | None = None,
) -> FloatArray:
    """Return z in [0, upper] that makes the sum of abs(Q z - y) smallest, shape (n,).

    Parameters
    ----------
    queries
        Q, which records each sum adds up, shape (m, n), dense or sparse.
    answers
        y, shape (m,).
    upper
        The largest value of a record; infinity for none.
    exact
        Which sums carry no noise, shape (m,), and have to be met.

    Raises
    ------
    UsageError
        If shapes differ, or the exact sums contradict one another.

    Examples
    --------
    >>> q = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    >>> least_absolute(q, np.array([1.0, 1.0, 2.0])).tolist()
    [1.0, 0.0, 1.0]
    """
    from scipy.optimize import linprog

    program: Any = linprog  # its annotations know no sparse matrices
    q = sparse.csr_matrix(queries)
    rows, n = q.shape
    if answers.shape != (rows,):
        raise UsageError(
            f"{answers.shape} answers to queries of shape {q.shape}", hint="give one for each query"
        )
    held = np.zeros(rows, dtype=np.bool_) if exact is None else exact.astype(np.bool_)
    loose, firm = q[~held], q[held]
    m = loose.shape[0]
    slack = -sparse.identity(m)
    done = program(
        np.concatenate([np.zeros(n), np.ones(m)]),
        A_ub=sparse.bmat([[loose, slack], [-loose, slack]]) if m else None,
        b_ub=np.concatenate([answers[~held], -answers[~held]]) if m else None,
        A_eq=sparse.hstack([firm, sparse.csr_matrix((firm.shape[0], m))]) if held.any() else None,
        b_eq=answers[held] if held.any() else None,
        bounds=[(0.0, None if math.isinf(upper) else upper)] * n + [(0.0, None)] * m,
        method="highs",
    )
    if done.x is None:
        raise UsageError(
            f"no records agree with the {int(held.sum())} exact sums ({done.message})",
            hint="check that they are published without noise",
        )
    return np.asarray(done.x[:n])


def least_squares(queries: FloatArray, answers: FloatArray, upper: float = 1.0) -> FloatArray:
    """Return the least-squares records, cut to [0, upper], shape (n,).

    Examples
    --------
    >>> least_squares(np.eye(2), np.array([0.25, 1.5])).tolist()
    [0.25, 1.0]
    """
    found = np.linalg.lstsq(queries, answers, rcond=None)[0]
    return np.clip(found, 0.0, upper)


def likelier(queries: FloatArray, answers: FloatArray) -> tuple[FloatArray, Method]:
    """Return bits by the method whose own residuals are likelier, rounded to 0 or 1.

    The residuals of least absolute values are compared with a Laplace law and those of least
    squares with a normal one, each of the scale that fits best.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> bits, q = rng.integers(0, 2, 32).astype(float), rng.integers(0, 2, (128, 32)).astype(float)
    >>> found, method = likelier(q, q @ bits + rng.laplace(0.0, 1.0, 128))
    >>> method, float((found == bits).mean())
    ('least-absolute', 1.0)
    """
    m = answers.size
    one, other = least_absolute(queries, answers), least_squares(queries, answers)
    scale = max(float(np.abs(answers - queries @ one).mean()), 1e-300)
    variance = max(float(np.square(answers - queries @ other).mean()), 1e-300)
    laplace = -m * (math.log(2.0 * scale) + 1.0)
    normal = -0.5 * m * (math.log(2.0 * math.pi * variance) + 1.0)
    if laplace >= normal:
        return np.rint(one), "least-absolute"
    return np.rint(other), "least-squares"
