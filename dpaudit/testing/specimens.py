"""Mechanisms that break their promise, each in a way that was found in the wild or in print.

An auditor that misses one of them is not worth running, and one that flags a correct one is
worse. Each has the pair of inputs on which it breaks and the pairs of outputs within which an
audit must notice. They are vectorised: all runs of a call are made at once.

What is drawn in floating-point arithmetic is rounded to a grid of 2^-20, so that each has the
fault that it is named after and not that of its last digits, which has specimens of its own.

References
----------
Lyu, Su and Li (2017), Understanding the sparse vector technique for differential privacy, PVLDB
10(6) (its six algorithms). Ding et al. (2018), Detecting violations of differential privacy, CCS
(noisy histograms and noisy max). Mironov (2012), On significance of the least significant bits,
CCS. Balle and Wang (2018), Improving the Gaussian mechanism, ICML, section 2. Tramèr, Terzis,
Steinke, Song, Jagielski and Carlini (2022), Debugging differential privacy: a case study for
privacy auditing, arXiv 2202.12219. METHODS-attacks 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.privacy.black_box import Claim, InputPair, Runner
from dpaudit.testing.runners import (
    EPSILON,
    empty_rows_kept,
    float_laplace,
    geometric,
    gradient,
    laplace,
    noise_reused,
    noisy_max,
    noisy_suppression,
    own_bounds,
    own_scale,
    short_seed,
    sparse_vector,
    spent_twice,
    suppression,
    textbook_gaussian,
    total_kept,
    zeros_kept,
)


@attrs.frozen(kw_only=True)
class Specimen:
    """A mechanism that is correct, or broken in one known way.

    Parameters
    ----------
    name
        Short.
    what
        It does, in a sentence.
    runner
        From an input (d,), n and a generator to n outputs, shape (n, k).
    pair
        Neighbouring inputs on which it breaks, if it does.
    claim
        What it promises.
    within
        Pairs of outputs within which an audit notices; ``None`` of a correct one.
    """

    name: str
    what: str
    runner: Runner
    pair: InputPair
    claim: Claim
    within: int | None = None


def _specimen(  # noqa: PLR0917 - a row of a table
    name: str,
    what: str,
    runner: Callable[..., FloatArray],
    ours: Sequence[float] | FloatArray,
    theirs: Sequence[float] | FloatArray,
    within: int | None,
    *,
    epsilon: float = EPSILON,
    delta: float = 0.0,
) -> Specimen:
    return Specimen(
        name=name,
        what=what,
        runner=runner,
        pair=InputPair(name=f"inputs of {name}", ours=ours, theirs=theirs),
        claim=Claim(epsilon=epsilon, delta=delta),
        within=within,
    )


_HALF, _OTHER = np.repeat([1.0, 0.0], 5), np.repeat([0.0, 1.0], 5)
_NONE, _NINE = np.zeros(10), np.append(np.ones(9), -1.0)
_SVT = partial(sparse_vector, threshold_share=0.5)
_SCALE = 1.0 / EPSILON

CORRECT: tuple[Specimen, ...] = (
    _specimen("laplace", "Laplace noise of scale 1 / epsilon, on a grid",
              partial(laplace, scale=_SCALE), [0.0], [1.0], None),
    _specimen("geometric", "two-sided geometric noise", geometric, [0.0], [1.0], None),
    _specimen("sparse-vector-1", "the sparse vector technique, correct",
              partial(_SVT, query_scale=4.0), _HALF, _OTHER, None),
    _specimen("noisy-max-1", "which noisy answer is largest, correct",
              partial(noisy_max, noise="laplace", value=False),
              [1.0, 0, 0, 0, 0], [0.0, 1, 1, 1, 1], None),
)  # fmt: skip
"""Mechanisms that keep the promise exactly or nearly: flagged as often as the risk allows."""

BROKEN: tuple[Specimen, ...] = (
    _specimen("half-scale", "Laplace noise of half the scale",
              partial(laplace, scale=0.5 * _SCALE), [0.0], [1.0], 2_048),
    _specimen("scale-epsilon", "noise of scale epsilon and not 1 / epsilon (NoisyHist2)",
              partial(laplace, scale=EPSILON), [0.0], [1.0], 1_024),
    _specimen("moved-person", "noise for one person more, while a person may move",
              partial(laplace, scale=_SCALE), [0.0, 1.0], [1.0, 0.0], 2_048),
    _specimen("sparse-vector-3", "numbers are answered with the noise of the comparison",
              partial(_SVT, query_scale=2.0, answers="numbers"), _NONE, _NINE, 262_144),
    _specimen("sparse-vector-4", "noise of answers that does not grow with what they reveal",
              partial(sparse_vector, threshold_share=0.25, query_scale=4.0 / 3.0),
              _HALF, _OTHER, 65_536),
    _specimen("sparse-vector-5", "no noise on the answers, and no end",
              partial(_SVT, query_scale=0.0, stops=False), _HALF, _OTHER, 1_024),
    _specimen("sparse-vector-6", "no end after the first answer above",
              partial(_SVT, query_scale=2.0, stops=False), _HALF, _OTHER, 131_072),
    _specimen("noisy-max-3", "the noisy maximum is published and not where it is",
              partial(noisy_max, noise="laplace", value=True), np.zeros(5), np.ones(5), 16_384),
    _specimen("zero-cells", "empty cells get no noise", zeros_kept, [1.0], [0.0], 1_024),
    _specimen("structural-zeros", "rows that are empty in the data get no noise",
              empty_rows_kept, [0.0, 0.0, 5.0, 5.0], [1.0, 0.0, 5.0, 5.0], 1_024),
    _specimen("noise-reused", "one draw of noise for all cells",
              noise_reused, [0.0, 0.0], [1.0, 0.0], 1_024),
    _specimen("true-total", "the total is kept as it is",
              total_kept, [5.0, 5.0], [6.0, 5.0], 1_024),
    _specimen("noisy-suppression", "true counts, shown if a noisy one is large",
              noisy_suppression, [9.0], [10.0], 1_024),
    _specimen("suppression", "counts below ten are suppressed", suppression, [9.0], [10.0], 1_024),
    _specimen("short-seed", "the generator has a seed of 16 bits",
              short_seed, [0.0], [1.0], 4_096),
    _specimen("floating-point-0", "Laplace noise added in floating-point arithmetic",
              float_laplace, [0.0], [1.0], 1_024),
    _specimen("floating-point-1", "the same between 1 and 2", float_laplace, [1.0], [2.0], 2_048),
    _specimen("own-scale", "noise that is proportional to the true count",
              own_scale, [1.0], [2.0], 2_048),
    _specimen("spent-twice", "the budget is spent on two releases each",
              spent_twice, [0.0], [1.0], 4_096),
    _specimen("textbook-gaussian", "the textbook's Gaussian noise at a large epsilon",
              partial(textbook_gaussian, epsilon=8.0, delta=0.1), [0.0], [1.0], 4_194_304,
              epsilon=8.0, delta=0.1),
    _specimen("batch-clipping", "the sum of a batch is clipped and not each person's gradient",
              partial(gradient, clip="sum"), [100.0, 0.0], [100.0, -200.0], 65_536,
              epsilon=4.377178, delta=1e-5),
    _specimen("noise-over-batch", "noise is divided by the size of the batch (16)",
              partial(gradient, divide=16.0), [0.0, 0.0], [0.0, 1.0], 1_024,
              epsilon=4.377178, delta=1e-5),
    _specimen("own-bounds", "values are clipped at their own largest one",
              own_bounds, [1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 50.0], 1_024),
    _specimen("truncated-tails", "geometric noise that never exceeds 8",
              partial(geometric, most=8.0), [0.0], [1.0], 4_096),
)  # fmt: skip
"""Mechanisms that do not keep it; ``within`` is twice what METHODS-attacks 4 lists, if it does."""
