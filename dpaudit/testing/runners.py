"""Mechanisms that make many runs at once: what the specimens are made of.

Each takes an input (d,), the number of runs and a generator, and returns outputs (runs, k).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from dpaudit.model.arrays import FloatArray

EPSILON = 0.5
"""Claimed by all specimens but those of (epsilon, delta)."""

_GRID = 2.0**20
_THRESHOLD = 1.0
_BELOW, _AFTER = -1000.0, -2000.0
_STEP = 1.0


def published(values: FloatArray) -> FloatArray:
    """Return values on a grid of 2^-20, as exact arithmetic would leave them."""
    return np.asarray(np.rint(values * _GRID) / _GRID)


def laplace(x: FloatArray, runs: int, rng: np.random.Generator, scale: float) -> FloatArray:
    """Return counts with Laplace noise on a grid."""
    return published(x + rng.laplace(0.0, scale, (runs, x.size)))


def float_laplace(
    x: FloatArray, runs: int, rng: np.random.Generator, *, epsilon: float = EPSILON
) -> FloatArray:
    """Return counts with Laplace noise, added in floating-point arithmetic."""
    return np.asarray(x + rng.laplace(0.0, 1.0 / epsilon, (runs, x.size)))


def geometric(
    x: FloatArray, runs: int, rng: np.random.Generator, most: float = math.inf
) -> FloatArray:
    """Return counts with two-sided geometric noise, clipped at ``most``."""
    chance, shape = -math.expm1(-EPSILON), (runs, x.size)
    noise = rng.geometric(chance, shape) - rng.geometric(chance, shape)
    return x + np.clip(noise, -most, most)


def sparse_vector(
    x: FloatArray,
    runs: int,
    rng: np.random.Generator,
    *,
    threshold_share: float,
    query_scale: float,
    answers: Literal["flags", "numbers"] = "flags",
    stops: bool = True,
    epsilon: float = EPSILON,
) -> FloatArray:
    """Return which answers are above a noisy threshold, up to the first one that is."""
    bar = _THRESHOLD + rng.laplace(0.0, 1.0 / (threshold_share * epsilon), (runs, 1))
    noisy = np.broadcast_to(x, (runs, x.size))
    if query_scale:
        noisy = noisy + rng.laplace(0.0, query_scale / epsilon, (runs, x.size))
    above = noisy >= bar
    shown = above * 1.0 if answers == "flags" else np.where(above, published(noisy), _BELOW)
    if not stops:
        return np.asarray(shown, dtype=np.float64)
    done = np.cumsum(above, axis=1) - above >= 1
    hidden = -1.0 if answers == "flags" else _AFTER
    return np.asarray(np.where(done, hidden, shown), dtype=np.float64)


def noisy_max(
    x: FloatArray,
    runs: int,
    rng: np.random.Generator,
    *,
    noise: Literal["laplace", "exponential"],
    value: bool,
    epsilon: float = EPSILON,
) -> FloatArray:
    """Return where the largest noisy answer is, or (which is wrong) the answer itself."""
    draw = rng.laplace if noise == "laplace" else lambda _, b, shape: rng.exponential(b, shape)
    noisy = x + draw(0.0, 2.0 / epsilon, (runs, x.size))
    if value:
        return published(noisy.max(axis=1, keepdims=True))
    return np.asarray(noisy.argmax(axis=1)[:, None], dtype=np.float64)


def zeros_kept(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return noisy counts, of empty cells 0."""
    return np.where(x > 0, laplace(x, runs, rng, 1.0 / EPSILON), 0.0)


def empty_rows_kept(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Publish a row of two cells as zeros where the data have nobody in it."""
    row = np.repeat(x.reshape(-1, 2).sum(axis=1), 2)
    return np.where(row > 0, laplace(x, runs, rng, 1.0 / EPSILON), 0.0)


def noise_reused(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return counts with one draw of noise for all."""
    return published(x + rng.laplace(0.0, 1.0 / EPSILON, (runs, 1)))


def total_kept(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return noisy counts scaled to the true total."""
    noisy = np.maximum(x + rng.laplace(0.0, 1.0 / EPSILON, (runs, x.size)), 1e-6)
    return np.asarray(noisy * (x.sum() / noisy.sum(axis=1, keepdims=True)))


def noisy_suppression(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return true counts where a noisy one is large."""
    noisy = x + rng.laplace(0.0, 1.0 / EPSILON, (runs, x.size))
    return np.where(noisy >= 10.0, x, 0.0)  # noqa: PLR2004 - the usual threshold


def suppression(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return counts of ten and more."""
    del rng
    return np.tile(np.where(x >= 10.0, x, 0.0), (runs, 1))  # noqa: PLR2004


def short_seed(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Draw Laplace noise whose generator has 65,536 possible seeds."""
    seeds = rng.integers(0, 1 << 16, (runs, 1)).astype(np.uint64)
    mixed = (seeds + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    uniform = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    noise = -np.sign(uniform - 0.5) * np.log1p(-2.0 * np.abs(uniform - 0.5)) / EPSILON
    return published(x + noise)


def own_scale(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return counts with noise as large as they are."""
    return published(x + rng.laplace(0.0, 1.0, (runs, x.size)) * np.maximum(x, 1.0) / EPSILON)


def spent_twice(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return two releases, each with the whole budget."""
    return laplace(np.concatenate([x, x]), runs, rng, 1.0 / EPSILON)


def textbook_gaussian(
    x: FloatArray, runs: int, rng: np.random.Generator, epsilon: float, delta: float
) -> FloatArray:
    """Return counts with the textbook's Gaussian noise."""
    sigma = math.sqrt(2.0 * math.log(1.25 / delta)) / epsilon
    return published(x + rng.normal(0.0, sigma, (runs, x.size)))


def gradient(
    x: FloatArray,
    runs: int,
    rng: np.random.Generator,
    *,
    clip: Literal["each", "sum"] = "each",
    divide: float = 1.0,
) -> FloatArray:
    """Return a step of noisy gradient descent; entries are the gradients of people."""
    total = np.clip(x, -1.0, 1.0).sum() if clip == "each" else np.clip(x.sum(), -1.0, 1.0)
    return published(total + rng.normal(0.0, _STEP / divide, (runs, 1)))


def own_bounds(x: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return the sum of values clipped at their own largest one, with noise to match."""
    return published(x.sum() + rng.laplace(0.0, max(x.max(), 1.0) / EPSILON, (runs, 1)))
