"""Fair pruning: a pruned net that is trained with regard to groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import attrs

import dpaudit
from dpaudit import FloatArray
from dpaudit_plugins.learners._nets import numbers
from dpaudit_plugins.learners._pruning import Prunes

if TYPE_CHECKING:
    from dpaudit.training.nets import Penalty, Sgd

_NOT_NEGATIVE = attrs.validators.ge(0.0)
_WHOLE = attrs.validators.ge(0)


@attrs.frozen(kw_only=True)
class FairPruned(Prunes):
    """Prune a net, and train it before or after (or both) so that groups fare alike.

    ``loss-parity``: the Lagrangian dual of equal group losses, J(theta; D_a) = J(theta; D). It
    equalises absolute losses and not what pruning takes from each group, and mostly does so by
    levelling down: the report says who got worse. ``penalties``: what the abstract of the paper
    says, penalties on the disparity of group gradient norms and of closeness to the boundary.

    Parameters
    ----------
    objective
        ``loss-parity`` or ``penalties``.
    when
        ``before`` pruning, ``after`` it (needs ``fine_tune``), or ``both``.
    dual_step
        rho: how fast the multipliers of the dual grow, once each epoch.
    gradient_penalty, boundary_penalty
        Weights of the two penalties.

    References
    ----------
    Tran, Fioretto, Kim and Naidu (2022), Pruning has a disparate impact on model accuracy, NeurIPS,
    Section 6.
    """

    name: ClassVar[str] = "fair-pruned"

    objective: Literal["loss-parity", "penalties"] = "loss-parity"
    when: Literal["before", "after", "both"] = "after"
    fine_tune: int = attrs.field(default=15, validator=_WHOLE)
    dual_step: float = attrs.field(default=0.05, validator=_NOT_NEGATIVE)
    gradient_penalty: float = attrs.field(default=0.01, validator=_NOT_NEGATIVE)
    boundary_penalty: float = attrs.field(default=0.1, validator=_NOT_NEGATIVE)

    def __attrs_post_init__(self) -> None:
        if self.when != "before" and not self.fine_tune:
            raise ValueError(
                f"when {self.when!r} with fine_tune 0: nothing is trained after pruning; set "
                "fine_tune to the number of epochs"
            )

    def dense(self, data: dpaudit.TrainingData, replicate: int, seed: int) -> FloatArray:
        """Return the net that is pruned: trained with regard to groups where that is asked for."""
        from dpaudit.training import nets

        if self.when == "after":
            return self.trained(data, replicate, seed)
        model = self.model(data)
        start = nets.started(model, numbers(seed, replicate, 0))
        return self._descent(self.epochs).run(
            model, start, data.train, numbers(seed, replicate, 1), penalty=self._penalty()
        )

    def descent(self, epochs: int) -> Sgd:
        """Return how it trains on after pruning."""
        return super().descent(epochs) if self.when == "before" else self._descent(epochs)

    def penalty(self) -> Penalty | None:
        """Return what training on adds to the loss."""
        return None if self.when == "before" else self._penalty()

    def _descent(self, epochs: int) -> Sgd:
        dual = self.dual_step if self.objective == "loss-parity" else 0.0
        return attrs.evolve(super().descent(epochs), dual_step=dual)

    def _penalty(self) -> Penalty | None:
        from dpaudit.training import nets

        if self.objective == "loss-parity":
            return None
        return nets.group_penalty(self.gradient_penalty, self.boundary_penalty)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (FairPruned,)
