"""The likelihood-ratio attack on a model, from shadow models with and without each person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.stats.membership import (
    Spread,
    log_likelihood_ratio,
    logits,
    moments,
    one_sided,
)


@attrs.frozen(kw_only=True)
class Lira(dpaudit.ModelAttack):
    """Score each candidate by the likelihood ratio of the model's confidence in them (LiRA).

    The confidence is the logit of the chance that the model gives to the true label. What it is
    where a person was learnt from, and where not, is taken for normal, with moments from the
    shadow models. Against normal confidences of known moments no attack does better.

    Parameters
    ----------
    mode
        ``online``: shadow models with and without the person. ``offline``: those without alone, as
        an attacker has them who trains before knowing of the person; the score is then how far the
        confidence is above theirs.
    spread
        ``pooled``: one variance for all people, better with fewer than some hundred shadow models.
        ``own``: that of each person.

    References
    ----------
    Carlini, Chien, Nasr, Song, Terzis and Tramer (2022), Membership inference attacks from first
    principles, IEEE S&P.
    """

    name: ClassVar[str] = "lira"
    needs: ClassVar = frozenset({"shadows"})

    mode: Literal["online", "offline"] = "online"
    spread: Spread = "pooled"

    def score(self, target: dpaudit.ModelTarget, rng: np.random.Generator) -> FloatArray:
        """Return the log likelihood ratio, or the distance from models without, shape (n,)."""
        signal, shadows = logits(target.losses), logits(target.shadow_losses)
        outside = moments(shadows, ~target.inside, self.spread)
        if self.mode == "offline":
            return one_sided(signal, outside)
        inside = moments(shadows, target.inside, self.spread)
        return log_likelihood_ratio(signal, inside, outside)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (Lira,)
