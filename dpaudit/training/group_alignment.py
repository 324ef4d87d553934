"""The clipping term of the equalising objective: |<g_a - g_D, g_D - clipped g_D>| over groups.

This module needs torch, from the extra ``learn``.

References
----------
Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
fairness lens, NeurIPS, Section 6 (the gamma_1 term); its private form is METHODS-learning 4.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from dpaudit.training.ensemble import Backward, Ensemble
from dpaudit.training.group_rules import Batch, EqualCloseness, Rule, chances, flat


@attrs.define(kw_only=True)
class EqualAlignment(Rule):
    """Penalise differences between groups of <g_a, v>, with v what clipping takes off on average.

    v = g_D - clipped g_D is asked of each batch and averaged over batches; within a step it is
    fixed. So is the sign s_a of <g_a - g_D, v>, and every record has the gradient
    gamma_1 w_i H_i v of its own, w_i = s_a/p_a - sum_b s_b, which is clipped with that of its
    loss. H_i v is exact for linear models; of a net it is the Gauss-Newton part, which is all
    there is almost everywhere with ReLU.

    Asked where noise is drawn: the sum of what is clipped off each gradient, itself clipped at C
    (one person moves it by at most C); and for each group the sum of <clipped g_i, v>/(C |v|),
    which is between -1 and 1, beside the number of people (one person: at most sqrt 2).

    Parameters
    ----------
    strength
        gamma_1.
    memory
        The weight of earlier answers in the averages.
    """

    strength: float
    memory: float = 0.95
    _direction: Tensor | None = attrs.field(init=False, default=None)
    _tangent: Tensor | None = attrs.field(init=False, default=None)
    _noise: Tensor = attrs.field(init=False, factory=lambda: torch.zeros(0))
    _answers: Tensor | None = attrs.field(init=False, default=None)
    _weights: Tensor = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        groups = len(self.shares)
        self._weights = torch.zeros(self.replicates, groups, device=self.shares.device)

    @property
    def size(self) -> int:
        """Two numbers for each group."""
        return 2 * len(self.shares)

    @property
    def asks_direction(self) -> bool:
        """It does."""
        return True

    def factors(self, norms: Tensor, batch: Batch, noise: Tensor) -> Tensor:
        """Return flat factors, and keep the noise for what is asked after them."""
        self._noise = noise
        return flat(norms, self.clip_norm)

    def look(self, net: Ensemble, inputs: Tensor) -> None:
        """Move the logits along v."""
        if self._direction is not None:
            self._tangent = net.tangent(inputs, self._direction)

    def push(self, logits: Tensor, labels: Tensor, batch: Batch) -> Tensor | None:
        """Return w_i times the Hessian of the loss in the logits times their move along v."""
        if self._tangent is None:
            return None
        f, moved = chances(logits), self._tangent
        if logits.shape[2] == 1:
            turned = f[:, :, :1] * f[:, :, 1:] * moved
        else:
            turned = f * (moved - (f * moved).sum(2, keepdim=True))
        return self._weights.gather(1, batch.groups)[:, :, None] * turned

    def learn(self, net: Ensemble, made: Backward, batch: Batch, noise: Tensor) -> None:
        """Find signs and direction for the next batch."""
        norms = net.norms(made)
        kept = flat(norms, self.clip_norm)
        if self._direction is not None:
            along = net.along(made, self._direction)
            self._signs(kept * along if self.deviation else along, batch)
        off = 1.0 - kept
        if self.deviation:
            off = off * flat(off * norms, self.clip_norm)
        asked = net.gradient(made, off * batch.valid) + self.deviation * self.clip_norm * noise
        asked = asked / self.batch
        before = asked if self._direction is None else self._direction
        self._direction = self.memory * before + (1.0 - self.memory) * asked

    def _signs(self, along: Tensor, batch: Batch) -> None:
        """Find the weights from <clipped g_i, v> of a batch."""
        if self._direction is None:
            return
        groups = len(self.shares)
        most = self.clip_norm * self._direction.norm(dim=1, keepdim=True).clamp(min=1e-30)
        parts = [batch.sums(along / most, groups),
                 batch.sums(torch.ones_like(batch.valid), groups)]  # fmt: skip
        asked = torch.cat(parts, dim=1) + math.sqrt(2.0) * self.deviation * self._noise
        before = asked if self._answers is None else self._answers
        self._answers = self.memory * before + (1.0 - self.memory) * asked
        means = self._answers[:, :groups] / self._answers[:, groups:].clamp(min=1.0)
        apart = means - (means * self.shares).sum(1, keepdim=True)
        pressed = self.strength * apart.sign()
        self._weights = pressed / self.shares - pressed.sum(1, keepdim=True)


@attrs.define(kw_only=True)
class Several(Rule):
    """Rules that push errors and clip alike, at once; each with its own part of the noise."""

    rules: Sequence[Rule]

    @property
    def size(self) -> int:
        """What all ask."""
        return sum(rule.size for rule in self.rules)

    @property
    def asks_direction(self) -> bool:
        """Whether one of them does."""
        return any(rule.asks_direction for rule in self.rules)

    def push(self, logits: Tensor, labels: Tensor, batch: Batch) -> Tensor | None:
        """Return the sum."""
        found = [rule.push(logits, labels, batch) for rule in self.rules]
        pushes = [push for push in found if push is not None]
        return torch.stack(pushes).sum(0) if pushes else None

    def factors(self, norms: Tensor, batch: Batch, noise: Tensor) -> Tensor:
        """Return flat factors."""
        for rule, part in self._shared(noise):
            rule.factors(norms, batch, part)
        return flat(norms, self.clip_norm)

    def after(self, logits: Tensor, labels: Tensor, batch: Batch, noise: Tensor) -> None:
        """Let each learn from its own statistics."""
        for rule, part in self._shared(noise):
            rule.after(logits, labels, batch, part)

    def look(self, net: Ensemble, inputs: Tensor) -> None:
        """Let each see."""
        for rule in self.rules:
            rule.look(net, inputs)

    def learn(self, net: Ensemble, made: Backward, batch: Batch, noise: Tensor) -> None:
        """Let each learn; at most one of them asks for a direction."""
        for rule in self.rules:
            rule.learn(net, made, batch, noise)

    def _shared(self, noise: Tensor) -> list[tuple[Rule, Tensor]]:
        parts = torch.split(noise, [rule.size for rule in self.rules], dim=1)
        return list(zip(self.rules, parts, strict=True))


def equalising(*, strength: float, alignment: float, **state: Any) -> Rule:
    """Return the objective with gamma_1 (``alignment``) and gamma_2 (``strength``)."""
    rules: list[Rule] = []
    if strength:
        rules.append(EqualCloseness(strength=strength, **state))
    if alignment:
        rules.append(EqualAlignment(strength=alignment, **state))
    return rules[0] if len(rules) == 1 else Several(rules=rules, **state)
