"""The plainest attack on a model: who has a small loss was learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray


@attrs.frozen(kw_only=True)
class LossThreshold(dpaudit.ModelAttack):
    """Score each candidate by minus the loss of the model: one threshold for everybody.

    It needs no shadow models, and takes people who are easy to predict for people who were learnt
    from: at few false alarms it finds hardly anybody. Better attacks are measured against it.

    References
    ----------
    Yeom, Giacomelli, Fredrikson and Jha (2018), Privacy risk in machine learning: analyzing the
    connection to overfitting, CSF.
    """

    name: ClassVar[str] = "loss-threshold"
    needs: ClassVar = frozenset()

    def score(self, target: dpaudit.ModelTarget, rng: np.random.Generator) -> FloatArray:
        """Return minus the loss, shape (n,)."""
        return -target.losses


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (LossThreshold,)
