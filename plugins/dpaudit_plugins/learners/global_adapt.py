"""DPSGD-Global-Adapt: one factor for all gradients, with a threshold that follows them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import attrs

import dpaudit
from dpaudit_plugins.learners._forms import POSITIVE
from dpaudit_plugins.learners._mitigated import Mitigated


@attrs.frozen(kw_only=True)
class GlobalAdapt(Mitigated):
    """Multiply each gradient by C/max(Z, ||g||), with Z moved by a noisy share of long ones.

    Gradients shorter than Z all shrink alike, so their mean keeps its direction. With a fixed Z
    this is DP-SGD with bound Z and steps C/Z as long: only adapting Z is new.

    Parameters
    ----------
    threshold
        Z at the start, at least the clip bound.
    tolerance, rate
        tau and eta: Z grows by the share of gradients longer than tau Z, and shrinks by eta, on
        the log scale.

    References
    ----------
    Esipova, Ghomi, Luo and Cresswell (2023), Disparate impact in differential privacy from
    gradient misalignment, ICLR.
    """

    name: ClassVar[str] = "global-adapt"
    asks: ClassVar[str] = "how many gradients are long"

    threshold: float = attrs.field(default=1.0, validator=POSITIVE)
    tolerance: float = attrs.field(default=1.0, validator=POSITIVE)
    rate: float = attrs.field(default=0.1, validator=POSITIVE)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.threshold < self.clip_norm:
            raise ValueError(
                f"threshold {self.threshold!r} is below the clip bound {self.clip_norm!r}"
            )

    def rule(self) -> Any:
        """Return the rule."""
        from dpaudit.training.group_rules import GlobalAdapt as Rule

        return partial(Rule, threshold=self.threshold, tolerance=self.tolerance, rate=self.rate)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (GlobalAdapt,)
