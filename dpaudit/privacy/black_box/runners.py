"""What is run: mechanisms that release once, made to release many times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dpaudit.errors import PluginError
from dpaudit.model.arrays import FloatArray, frozen_floats
from dpaudit.privacy.black_box.sequential import Runner


def one_by_one(release: Callable[[FloatArray, np.random.Generator], FloatArray]) -> Runner:
    """Return a runner of a function that releases once: ``release(counts, rng)``.

    Raises
    ------
    PluginError
        When run, if two outputs of one input have different shapes.

    Examples
    --------
    >>> runner = one_by_one(lambda counts, rng: counts + rng.integers(0, 2))
    >>> runner(np.array([3.0, 5.0]), 4, np.random.default_rng(0)).shape
    (4, 2)
    """

    def runner(given: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
        counts = frozen_floats(given)
        rows = [np.ravel(np.asarray(release(counts, rng), dtype=np.float64)) for _ in range(runs)]
        shapes = {row.shape for row in rows}
        if len(shapes) > 1:
            raise PluginError(
                f"the mechanism returns outputs of {len(shapes)} different lengths",
                hint="return as many numbers every time; fill up with a symbol such as -1",
            )
        return np.stack(rows)

    return runner


def on_grid(runner: Runner, grid: float) -> Runner:
    """Return a runner whose outputs are rounded to multiples of ``grid``.

    What is published so coarsely has no last digits of floating-point arithmetic.
    """

    def rounded(given: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
        return np.asarray(np.rint(runner(given, runs, rng) / grid) * grid)

    return rounded
