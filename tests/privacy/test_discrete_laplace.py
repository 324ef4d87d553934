"""Noise that protects: the law it is drawn from, and how far it reaches."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy.stats import chi2

from dpaudit.privacy.discrete_laplace import discrete_laplace, half_width


def seeded(seed):
    rng = np.random.default_rng(seed)
    return lambda scale: discrete_laplace(scale, lambda n: int(rng.integers(n)))


def test_noise_is_the_discrete_laplace_law():
    """Chi-square on 20,000 draws; false alarm 1e-6. A scale 1.3 times as large must fail."""
    draw = seeded(1)
    draws = np.array([draw(Fraction(5, 2)) for _ in range(20_000)])
    support = np.arange(-8, 9)

    def statistic(scale):
        p = np.exp(-np.abs(support) / scale) * np.tanh(0.5 / scale)
        seen = np.array([(draws == k).sum() for k in support])
        seen, p = np.append(seen, len(draws) - seen.sum()), np.append(p, 1 - p.sum())
        return float((((seen - len(draws) * p) ** 2) / (len(draws) * p)).sum())

    limit = chi2.ppf(1 - 1e-6, len(support))
    assert statistic(2.5) < limit < statistic(2.5 * 1.3)
    outside = np.mean(np.abs(draws) > half_width(Fraction(5, 2), 0.95))
    assert outside <= 0.05 + 5 * math.sqrt(0.05 * 0.95 / len(draws))
