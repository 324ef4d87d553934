"""What discrete noise costs beside OpenDP, and whether it is the same: run by ``make bench``.

Bars (PERFORMANCE W5): 20 ns for a draw, 500 times less than OpenDP's vector call, and a
chi-square test of 1e5 draws against as many of OpenDP's own that finds nothing at 1e-6; a
scale one twentieth larger must be found. Draws come in the chunks that simulations use. OpenDP
draws for releases, from a cryptographic source and in exact arithmetic; these are for simulation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from harness import Row, pairs, show

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.geometric import Geometric

SCALES = (10.0, 100.0)
CHUNK, CALLS, TESTED, THEIRS = 2**15, 32, 100_000, 2000
RISK = 1e-6


def opendp(make: str, scale: float) -> Callable[[int], FloatArray]:
    """Return OpenDP's vector call: whole noise on zeros."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    metric = dp.l1_distance(T=int) if make == "laplace" else dp.l2_distance(T=float)
    space = dp.vector_domain(dp.atom_domain(T=int)), metric
    release = getattr(dp.m, f"make_{make}")(*space, scale)
    return lambda size: np.array(release([0] * size), dtype=np.float64)


def p_value(ours: FloatArray, theirs: FloatArray) -> float:
    """Return the p-value of the chi-square test that both samples have one law."""
    from scipy.stats import chi2_contingency

    edges = np.unique(np.quantile(np.concatenate([ours, theirs]), np.linspace(0, 1, 101)[1:-1]))
    table = np.array(
        [np.bincount(np.searchsorted(edges, x), minlength=edges.size + 1) for x in (ours, theirs)]
    )
    return float(chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)


def compared(name: str, make: str, law: Callable[[float], Noise], scale: float) -> list[Row]:
    """Return the figures of one family at one scale."""
    theirs, rng = opendp(make, scale), np.random.default_rng(3)
    noise = law(scale)
    ratio, own = pairs(lambda: theirs(THEIRS), lambda: noise.sample(rng, (CHUNK,)), times=CALLS)
    drawn = theirs(TESTED)
    same = p_value(noise.sample(rng, (TESTED,)), drawn)
    other = p_value(law(1.05 * scale).sample(rng, (TESTED,)), drawn)
    label = f"{name}, scale {scale:g}: "
    return [
        Row(label + "ns for a draw", 1e9 * own / CHUNK, 20.0),
        Row(label + "OpenDP / own, CPU", ratio * CHUNK / THEIRS, 500.0, more=True),
        Row(label + "p against OpenDP's draws", same, RISK, more=True),
        Row(label + "p of a scale 5 % larger (control)", other, RISK),
    ]


FAMILIES: dict[str, tuple[str, Callable[[float], Noise]]] = {
    "discrete Laplace": ("laplace", lambda scale: Geometric(1.0 / scale)),
    "discrete Gaussian": ("gaussian", DiscreteGaussian),
}


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    return show(
        "samplers",
        [
            row
            for name, (make, law) in FAMILIES.items()
            for scale in SCALES
            for row in compared(name, make, law, scale)
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
