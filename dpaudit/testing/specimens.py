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

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.privacy.black_box import Claim, InputPair, Runner

EPSILON = 0.5
"""Claimed by all specimens but those of (epsilon, delta)."""

_GRID = 2.0**20
_THRESHOLD = 1.0
_BELOW, _AFTER = -1000.0, -2000.0
_STEP = 1.0


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


def _published(values: FloatArray) -> FloatArray:
    return np.asarray(np.rint(values * _GRID) / _GRID)


def laplace(x: FloatArray, runs: int, rng: np.random.Generator, scale: float) -> FloatArray:
    """Return counts with Laplace noise on a grid."""
    return _published(x + rng.laplace(0.0, scale, (runs, x.size)))


def _float_laplace(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    return np.asarray(x + rng.laplace(0.0, 1.0 / EPSILON, (runs, x.size)))


def _geometric(
    x: FloatArray, runs: int, rng: np.random.Generator, most: float = math.inf
) -> FloatArray:
    chance, shape = -math.expm1(-EPSILON), (runs, x.size)
    noise = rng.geometric(chance, shape) - rng.geometric(chance, shape)
    return x + np.clip(noise, -most, most)


def _sparse_vector(
    x: FloatArray,
    runs: int,
    rng: np.random.Generator,
    *,
    threshold_share: float,
    query_scale: float,
    answers: Literal["flags", "numbers"] = "flags",
    stops: bool = True,
) -> FloatArray:
    """Return which answers are above a noisy threshold, up to the first one that is."""
    bar = _THRESHOLD + rng.laplace(0.0, 1.0 / (threshold_share * EPSILON), (runs, 1))
    noisy = np.broadcast_to(x, (runs, x.size))
    if query_scale:
        noisy = noisy + rng.laplace(0.0, query_scale / EPSILON, (runs, x.size))
    above = noisy >= bar
    shown = above * 1.0 if answers == "flags" else np.where(above, _published(noisy), _BELOW)
    if not stops:
        return shown
    done = np.cumsum(above, axis=1) - above >= 1
    return np.where(done, -1.0 if answers == "flags" else _AFTER, shown)


def _noisy_max(
    x: FloatArray, runs: int, rng: np.random.Generator, *, noise: str, value: bool
) -> FloatArray:
    draw = rng.laplace if noise == "laplace" else lambda _, b, shape: rng.exponential(b, shape)
    noisy = x + draw(0.0, 2.0 / EPSILON, (runs, x.size))
    if value:
        return _published(noisy.max(axis=1, keepdims=True))
    return noisy.argmax(axis=1).astype(np.float64)[:, None]


def _zeros_kept(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    return np.where(x > 0, laplace(x, runs, rng, 1.0 / EPSILON), 0.0)


def _empty_rows_kept(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Publish a row of two cells as zeros where the data have nobody in it."""
    row = np.repeat(x.reshape(-1, 2).sum(axis=1), 2)
    return np.where(row > 0, laplace(x, runs, rng, 1.0 / EPSILON), 0.0)


def _noise_reused(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    return _published(x + rng.laplace(0.0, 1.0 / EPSILON, (runs, 1)))


def _total_kept(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    noisy = np.maximum(x + rng.laplace(0.0, 1.0 / EPSILON, (runs, x.size)), 1e-6)
    return np.asarray(noisy * (x.sum() / noisy.sum(axis=1, keepdims=True)))


def _noisy_suppression(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    noisy = x + rng.laplace(0.0, 1.0 / EPSILON, (runs, x.size))
    return np.where(noisy >= 10.0, x, 0.0)  # noqa: PLR2004 - the usual threshold


def _suppression(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    del rng
    return np.tile(np.where(x >= 10.0, x, 0.0), (runs, 1))  # noqa: PLR2004


def _short_seed(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Draw Laplace noise whose generator has 65,536 possible seeds."""
    seeds = rng.integers(0, 1 << 16, (runs, 1)).astype(np.uint64)
    mixed = (seeds + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    uniform = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    noise = -np.sign(uniform - 0.5) * np.log1p(-2.0 * np.abs(uniform - 0.5)) / EPSILON
    return _published(x + noise)


def _own_scale(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    return _published(x + rng.laplace(0.0, 1.0, (runs, x.size)) * np.maximum(x, 1.0) / EPSILON)


def _spent_twice(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    return laplace(np.concatenate([x, x]), runs, rng, 1.0 / EPSILON)


def _textbook_gaussian(
    x: FloatArray, runs: int, rng: np.random.Generator, epsilon: float, delta: float
) -> FloatArray:
    sigma = math.sqrt(2.0 * math.log(1.25 / delta)) / epsilon
    return _published(x + rng.normal(0.0, sigma, (runs, x.size)))


def _gradient(
    x: FloatArray,
    runs: int,
    rng: np.random.Generator,
    *,
    clip: Literal["each", "sum"] = "each",
    divide: float = 1.0,
) -> FloatArray:
    """Return a step of noisy gradient descent; entries are the gradients of people."""
    total = np.clip(x, -1.0, 1.0).sum() if clip == "each" else np.clip(x.sum(), -1.0, 1.0)
    return _published(total + rng.normal(0.0, _STEP / divide, (runs, 1)))


def _own_bounds(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return the sum of values clipped at their own largest one, with noise to match."""
    return _published(x.sum() + rng.laplace(0.0, max(x.max(), 1.0) / EPSILON, (runs, 1)))


def _specimen(
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
_SVT = partial(_sparse_vector, threshold_share=0.5)
_SCALE = 1.0 / EPSILON

CORRECT: tuple[Specimen, ...] = (
    _specimen("laplace", "Laplace noise of scale 1 / epsilon, on a grid",
              partial(laplace, scale=_SCALE), [0.0], [1.0], None),
    _specimen("geometric", "two-sided geometric noise", _geometric, [0.0], [1.0], None),
    _specimen("sparse-vector-1", "the sparse vector technique, correct",
              partial(_SVT, query_scale=4.0), _HALF, _OTHER, None),
    _specimen("noisy-max-1", "which noisy answer is largest, correct",
              partial(_noisy_max, noise="laplace", value=False),
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
              partial(_sparse_vector, threshold_share=0.25, query_scale=4.0 / 3.0),
              _HALF, _OTHER, 65_536),
    _specimen("sparse-vector-5", "no noise on the answers, and no end",
              partial(_SVT, query_scale=0.0, stops=False), _HALF, _OTHER, 1_024),
    _specimen("sparse-vector-6", "no end after the first answer above",
              partial(_SVT, query_scale=2.0, stops=False), _HALF, _OTHER, 131_072),
    _specimen("noisy-max-3", "the noisy maximum is published and not where it is",
              partial(_noisy_max, noise="laplace", value=True), np.zeros(5), np.ones(5), 16_384),
    _specimen("zero-cells", "empty cells get no noise", _zeros_kept, [1.0], [0.0], 1_024),
    _specimen("structural-zeros", "rows that are empty in the data get no noise",
              _empty_rows_kept, [0.0, 0.0, 5.0, 5.0], [1.0, 0.0, 5.0, 5.0], 1_024),
    _specimen("noise-reused", "one draw of noise for all cells",
              _noise_reused, [0.0, 0.0], [1.0, 0.0], 1_024),
    _specimen("true-total", "the total is kept as it is", _total_kept, [5.0, 5.0], [6.0, 5.0], 1_024),
    _specimen("noisy-suppression", "true counts, shown if a noisy one is large",
              _noisy_suppression, [9.0], [10.0], 1_024),
    _specimen("suppression", "counts below ten are suppressed", _suppression, [9.0], [10.0], 1_024),
    _specimen("short-seed", "the generator has a seed of 16 bits", _short_seed, [0.0], [1.0], 4_096),
    _specimen("floating-point-0", "Laplace noise added in floating-point arithmetic",
              _float_laplace, [0.0], [1.0], 1_024),
    _specimen("floating-point-1", "the same between 1 and 2", _float_laplace, [1.0], [2.0], 2_048),
    _specimen("own-scale", "noise that is proportional to the true count",
              _own_scale, [1.0], [2.0], 2_048),
    _specimen("spent-twice", "the budget is spent on two releases each",
              _spent_twice, [0.0], [1.0], 4_096),
    _specimen("textbook-gaussian", "the textbook's Gaussian noise at a large epsilon",
              partial(_textbook_gaussian, epsilon=8.0, delta=0.1), [0.0], [1.0], 4_194_304,
              epsilon=8.0, delta=0.1),
    _specimen("batch-clipping", "the sum of a batch is clipped and not each person's gradient",
              partial(_gradient, clip="sum"), [100.0, 0.0], [100.0, -200.0], 65_536,
              epsilon=4.377178, delta=1e-5),
    _specimen("noise-over-batch", "noise is divided by the size of the batch (16)",
              partial(_gradient, divide=16.0), [0.0, 0.0], [0.0, 1.0], 1_024,
              epsilon=4.377178, delta=1e-5),
    _specimen("own-bounds", "values are clipped at their own largest one",
              _own_bounds, [1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 50.0], 1_024),
    _specimen("truncated-tails", "geometric noise that never exceeds 8",
              partial(_geometric, most=8.0), [0.0], [1.0], 4_096),
)  # fmt: skip
"""Mechanisms that do not keep it; ``within`` is twice what METHODS-attacks 4 lists, if it does."""
