"""How many runs an audit of a black box needs, and what it certifies: figures beside the bars.

Sequential audits: a mean with noise that is fitted to the true number of people, for D = (0) and
D' = (0, 1), as in Gonzalez et al. (2025) and Kutta et al. (2026). Lower bounds: eight mechanisms
of DP-Sniper (Bichsel et al. 2021) that claim 0.1, at confidence 0.9, from 2 * 10^7 runs.

``python tests/benchmarks/epsilon.py [seeds] [runs] [name ...]`` takes fewer, or some by name.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from functools import partial

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.privacy.black_box import InputPair, Runner, generated
from dpaudit.privacy.black_box.certificate import certified
from dpaudit.privacy.black_box.learned import Densities, Logistic
from dpaudit.privacy.black_box.sequential import PairAudit
from dpaudit.testing.runners import float_laplace, laplace, noisy_max, published, sparse_vector

SEEDS, RUNS, SEARCH = 300, 20_000_000, 16_000_000
RISK, DELTA, EPSILON = 0.05, 1e-5, 0.1
MOST = 5_000

MEANS = [("gaussian", 0.01, 60.0), ("gaussian", 0.1, 75.0),
         ("laplace", 0.01, 85.0), ("laplace", 0.1, 105.0)]  # fmt: skip
ONE, TWO = [0.0, -1.0], [0.0, 1.0]
"""D and D' as vectors; -1 marks a person who is not there."""

SVT = partial(sparse_vector, epsilon=EPSILON)
MAX = partial(noisy_max, epsilon=EPSILON, value=True)
SNIPER: list[tuple[str, Runner, str, int, float]] = [
    ("NoisyHist2", partial(laplace, scale=EPSILON), "add-remove", 5, 9.82),
    ("SVT5", partial(SVT, threshold_share=0.5, query_scale=0.0, stops=False), "queries", 10, 12.0),
    ("SVT6", partial(SVT, threshold_share=0.5, query_scale=2.0, stops=False), "queries", 10, 0.362),
    ("SVT3", partial(SVT, threshold_share=0.5, query_scale=2.0, answers="numbers"),
     "queries", 10, 0.272),
    ("RNM4", partial(MAX, noise="exponential"), "queries", 5, 1.36),
    ("float Laplace", partial(float_laplace, epsilon=EPSILON), "add-remove", 1, 12.17),
    ("SVT4", partial(SVT, threshold_share=0.25, query_scale=4.0 / 3.0), "queries", 10, 0.168),
    ("RNM3", partial(MAX, noise="laplace"), "queries", 5, 0.241),
]  # fmt: skip


def mean(
    x: FloatArray, runs: int, rng: np.random.Generator, *, noise: str, epsilon: float
) -> FloatArray:
    """Return the mean of those who are there, with noise over their true number."""
    there = x[x >= 0]
    scale = 1.0 / (epsilon * there.size)
    if noise == "gaussian":
        scale *= math.sqrt(2.0 * math.log(1.25 / DELTA))
        return published(there.mean() + rng.normal(0.0, scale, (runs, 1)))
    return published(there.mean() + rng.laplace(0.0, scale, (runs, 1)))


def pairs_needed(noise: str, epsilon: float, seed: int, *, whole: bool = False) -> int:
    """Return the pairs until the claim is refuted, with rounds of a tenth of what there was."""
    pair = InputPair(name="one more", ours=ONE, theirs=TWO)
    scores = (
        None if whole else [Densities(pair.ours, pair.theirs), Logistic(pair.ours, pair.theirs)]
    )
    audit = PairAudit(
        partial(mean, noise=noise, epsilon=epsilon), pair, np.array([epsilon]),
        DELTA if noise == "gaussian" else 0.0, seed=(seed,), scores=scores, first=8, growth=0.1,
    )  # fmt: skip
    while audit.log_wealth()[0] < -math.log(RISK) and audit.pairs < MOST:
        audit.advance(audit.next_round())
    return audit.pairs


def main(arguments: Sequence[str]) -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    seeds = int(arguments[0]) if arguments else SEEDS
    runs = int(arguments[1]) if len(arguments) > 1 else RUNS
    wanted, broken = arguments[2:], False
    for noise, epsilon, bar in MEANS:
        if wanted and noise not in wanted:
            continue
        needed = [pairs_needed(noise, epsilon, seed) for seed in range(seeds)]
        broken |= float(np.mean(needed)) > bar
        verdict = "ok" if np.mean(needed) <= bar else "BROKEN"
        error = float(np.std(needed)) / math.sqrt(len(needed))
        print(f"mean pairs, {noise} {epsilon:<5g} {np.mean(needed):7.1f} +- {error:.1f}  "
              f"bar {bar:6g}  {verdict}", flush=True)  # fmt: skip
    for name, runner, relation, size, published_bound in SNIPER:
        if wanted and name not in wanted:
            continue
        begun = time.process_time()
        pairs = generated(size, relation)  # type: ignore[arg-type]
        found = certified(runner, pairs, runs=runs, search=SEARCH, risk=0.1)
        bound, bar = found.certificate.epsilon, 0.95 * published_bound
        broken |= bound < bar
        verdict = "ok" if bound >= bar else "BROKEN"
        where = f"{found.event.pair.name}; {found.event.score.name}"
        seconds = time.process_time() - begun
        print(f"{name:14} {bound:7.3f}  bar {bar:6.3f}  {verdict:7}{where}; {seconds:.0f} s",
              flush=True)  # fmt: skip
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
