"""An attack on a model of which nothing is seen but the class that it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.records import as_classes


@attrs.frozen(kw_only=True)
class LabelOnly(dpaudit.ModelAttack):
    """Score each candidate by how well a predicted class stands up to noise on the inputs.

    The model is asked for the class of noisy copies of a person: of people whom it has learnt from
    it errs less, and further from them. Who is predicted wrongly comes last. Where the model
    cannot be asked, only whether the prediction is right is left.

    Parameters
    ----------
    copies
        Noisy copies of each person.
    noise
        Their standard deviation, over that of each column among the candidates.

    References
    ----------
    Choquette-Choo, Tramer, Carlini and Papernot (2021), Label-only membership inference attacks,
    ICML, Sections 3 and 4.
    """

    name: ClassVar[str] = "label-only"
    needs: ClassVar = frozenset({"classes"})

    copies: int = attrs.field(default=8, validator=attrs.validators.ge(0))
    noise: float = attrs.field(default=0.5, validator=attrs.validators.gt(0.0))

    def score(self, target: dpaudit.ModelTarget, rng: np.random.Generator) -> FloatArray:
        """Return the share of copies with the right class, 1 more if the person has it, (n,)."""
        if target.right is None:
            raise dpaudit.UsageError(
                "label-only: the label is a number, and no class is predicted",
                hint="take loss-threshold",
            )
        right = target.right.astype(np.float64)
        if target.predict is None or not self.copies:
            return right
        classes = as_classes(target.labels, int(target.labels.max()) + 1)
        scale = self.noise * target.inputs.std(axis=0)
        kept = np.zeros(right.shape)
        for _ in range(self.copies):
            moved = target.inputs + scale * rng.standard_normal(target.inputs.shape)
            kept += target.predict(moved) == classes
        return right + kept / self.copies


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (LabelOnly,)
