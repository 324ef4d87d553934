"""DP-SGD: many private runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.learners._stochastic import Stochastic


@attrs.frozen(kw_only=True)
class DpSgd(Stochastic):
    """Train by DP-SGD: Poisson batches, clipped gradients, Gaussian noise, the expected batch.

    Logistic regression, softmax or a net with one hidden layer. Give ``epsilon``, for which the
    least noise is found, or ``noise_multiplier``. The guarantee comes from a PLD or PRV accountant.

    References
    ----------
    Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar and Zhang (2016), Deep learning with
    differential privacy, CCS, Algorithm 1.
    """

    name: ClassVar[str] = "dp-sgd"


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (DpSgd,)
