"""What second-order biases cost: run by ``make bench``, a fresh process for each case.

Bars (PERFORMANCE W4): 10,000 counts of a black box within 1 s of CPU, 100 MB and 1e-4 of the
largest, torch not imported; a million counts with declared aggregates within 0.3 s, warm.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import ClassVar

import attrs
import numpy as np
from harness import Row, cpu, districts, seconds, show

import dpaudit
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.curvature import curvature_of
from dpaudit.estimators.ratio import second_order_bias
from dpaudit.model.arrays import FloatArray
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.mechanisms.laplace import Laplace

SMALL, LARGE, SCALE = 10_000, 1_000_000, 10.0


@attrs.frozen(kw_only=True, eq=False)
class BlackBox(dpaudit.Decision):
    """Shares by weighted counts, undeclared."""

    name: ClassVar[str] = "black-box"
    vectorised: ClassVar[bool] = True
    weights: FloatArray

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the shares, shape (..., n)."""
        weighted = counts * self.weights
        return weighted / weighted.sum(axis=-1, keepdims=True)


def peak() -> float:
    """Return the peak memory of this process in megabytes."""
    scale = 1024.0 if sys.platform != "darwin" else 1024.0**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def black_box() -> dict[str, float]:
    """Return what the differences cost and how far they are from the closed form."""
    counts, weights = districts(SMALL)
    chain = Chain(counts=counts, mechanism=Laplace(epsilon=1.0 / SCALE))
    before, kept = peak(), []
    spent = cpu(lambda: kept.append(curvature_of(BlackBox(weights=weights), chain)))
    exact = second_order_bias(counts, weights, 2.0 * SCALE**2)
    off = np.abs(kept[0].estimate.value - exact).max() / np.abs(exact).max()
    return {
        "s": spent,
        "MB beyond the start": peak() - before,
        "error / largest": float(off),
        "torch imported": float("torch" in sys.modules),
    }


def aggregates() -> dict[str, float]:
    """Return what a decision with declared aggregates costs."""
    counts, weights = districts(LARGE)
    chain = Chain(counts=counts, mechanism=Laplace(epsilon=1.0 / SCALE))
    return {"s, warm": seconds(lambda: curvature_of(Allotment(weights=weights), chain))}


CASES = {
    "black box, 10,000": (black_box, (1.0, 100.0, 1e-4, 0.0)),
    "declared, 1,000,000": (aggregates, (0.3,)),
}


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    rows = []
    for name, (_, bars) in CASES.items():
        command = [sys.executable, __file__, name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        rows += [
            Row(f"{name}: {what}", value, bar)
            for (what, value), bar in zip(found.items(), bars, strict=True)
        ]
    return show("curvature", rows)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(CASES[sys.argv[1]][0]()))
    else:
        sys.exit(main())
