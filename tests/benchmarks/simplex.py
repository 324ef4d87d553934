"""What the exact bias of the simplex projection costs: figures beside the bars.

Reads the public county table of the shared folder (``$DPAUDIT_SHARED`` or ``../shared``).
"""

from __future__ import annotations

import csv
import resource
import sys
import time

import numpy as np
from harness import SHARED, Row, show

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.solvers.simplex_bias import simplex_bias

MEGABYTES = 200.0


def households(state: str | None) -> FloatArray:
    """Return the households of the counties of a state, or of all."""
    with (SHARED / "data" / "us_counties_2010.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if state in {None, row["state"]}]
    return np.array([float(row["households"]) for row in rows])


def measured(counts: FloatArray, noise: Noise) -> tuple[float, float, float]:
    """Return seconds, the spread of the biases and the largest error bound."""
    begun = time.perf_counter()
    found = simplex_bias(counts, noise, largest_cost=1e10)
    seconds = time.perf_counter() - begun
    if found is None:
        return seconds, float("nan"), float("nan")
    return seconds, found.spread, float(found.bias_error.max())


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    small = np.rint(np.exp(np.random.default_rng(0).normal(np.log(90.0), 1.2, 420)))
    texas, nation = households("TX"), households(None)
    cases: list[tuple[str, FloatArray, Noise, float]] = [
        ("Texas, Laplace(10)", texas, Laplace(10.0), 4.0),
        ("Texas, Gaussian(25)", texas, Gaussian(25.0), 4.0),
        ("Texas, geometric(0.1)", texas, Geometric(0.1), 4.0),
        ("counties, Laplace(10)", nation, Laplace(10.0), 45.0),
        ("counties, Gaussian(25)", nation, Gaussian(25.0), 3.0),
        ("counties, geometric(0.1)", nation, Geometric(0.1), 45.0),
        ("420 districts, Laplace(100)", small, Laplace(100.0), 10.0),
        ("420 districts, Gaussian(100)", small, Gaussian(100.0), 10.0),
        ("420 districts, geometric(.01)", small, Geometric(0.01), 10.0),
        ("counties, Laplace(3000)", nation, Laplace(3000.0), 45.0),
    ]
    rows = []
    for what, counts, noise, bar in cases:
        seconds, spread, error = measured(counts, noise)
        print(f"{what:31} alpha {spread:.9f} +- {error:.0e}")
        rows.append(Row(f"{what}: exact bias, s", seconds, bar))
    scale = 1024.0 if sys.platform != "darwin" else 1024.0**2
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / scale
    return show("simplex", [*rows, Row("memory beyond the start, MB", grown, MEGABYTES)])


if __name__ == "__main__":
    sys.exit(main())
