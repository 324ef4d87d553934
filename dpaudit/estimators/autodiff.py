"""Second-order bias by automatic differentiation: forward over forward, in chunks.

torch is imported when a function is called, and no earlier.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from dpaudit.errors import UnavailableError
from dpaudit.estimators.room import require
from dpaudit.model.arrays import FloatArray

_ROWS = 64
"""Directions that are differentiated at once."""

_ARRAYS = 32
"""Arrays of all directions: of each step of a rule its value and three derivatives."""

_TORCH = 2.7e8
"""Bytes that torch itself takes: measured in a fresh process."""


def can_differentiate() -> bool:
    """Return whether torch is installed, without importing it."""
    return importlib.util.find_spec("torch") is not None


def memory_of(inputs: int) -> float:
    """Return how many bytes torch and the derivatives in as many directions take."""
    return _TORCH + 8.0 * _ARRAYS * min(_ROWS, inputs) * inputs


def second_derivatives(
    decide: Callable[[Any], Any],
    counts: FloatArray,
    variance: FloatArray,
    *,
    memory_limit: float | None = None,
) -> FloatArray:
    """Return 1/2 sum_j v_j d^2 P_i / dx_j^2, exact to rounding.

    Parameters
    ----------
    decide
        P, from a torch tensor (m,) of float64 to one (n,), in the unit of the decision.
    counts
        x, shape (m,), persons.
    variance
        v, shape (m,), persons squared.
    memory_limit
        Bytes that there may be, by default what this machine has.

    Returns
    -------
    FloatArray
        Shape (n,), in the unit of the decision.

    Raises
    ------
    UnavailableError
        If torch is not installed, or what is predicted to be needed exceeds ``memory_limit``.

    Notes
    -----
    The second derivative along sqrt(v_j) e_j is the derivative of a derivative (jvp of jvp);
    64 directions go through the decision at once. The cost is m evaluations of P, the memory
    64 (m + n) numbers; a Hessian would need m^2 n.

    References
    ----------
    METHODS-decisions 3.5; PERFORMANCE W4.
    """
    require(
        f"automatic differentiation of {counts.size:,} counts",
        memory_of(counts.size),
        memory_limit,
    )
    try:
        import torch
        from torch.func import jvp, vmap
    except ImportError as error:
        raise UnavailableError(
            "torch is not installed, and automatic differentiation needs it",
            hint="pip install 'dpaudit[learn]'",
        ) from error
    point = torch.tensor(np.array(counts), dtype=torch.float64)
    deviation = torch.tensor(np.sqrt(variance), dtype=torch.float64)

    def second(direction: Any) -> Any:
        def first(at: Any) -> Any:
            return jvp(decide, (at,), (direction,))[1]

        return jvp(first, (point,), (direction,))[1]

    several = vmap(second)
    total = torch.zeros_like(decide(point))
    moved = np.flatnonzero(variance > 0)
    for start in range(0, moved.size, _ROWS):
        columns = torch.from_numpy(moved[start : start + _ROWS])
        directions = torch.zeros((len(columns), counts.size), dtype=torch.float64)
        directions[torch.arange(len(columns)), columns] = deviation[columns]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of torch's own making
            total = total + several(directions).sum(dim=0)
    found: FloatArray = (total / 2.0).numpy()
    return found
