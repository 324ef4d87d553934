"""Mitigations inside the steps of DP-SGD: whom they weigh, clip or push, and what they ask.

This module needs torch, from the extra ``learn``. Each rule says which statistic of a batch it
asks and how far one person moves it; the trainer adds noise to it, and whoever uses the rule
counts it. Statistics for which no noise is drawn are exact, and then nothing is promised.

References
----------
Bu, Wang, Long and Shen (2023), Automatic clipping, NeurIPS (DPSGD-Global); Esipova, Ghomi, Luo and
Cresswell (2023), Disparate impact in differential privacy from gradient misalignment, ICLR
(Global-Adapt); Xu, Du and Wu (2021), Removing disparate impact on model accuracy in differentially
private stochastic gradient descent, KDD (DPSGD-F); Tran, Dinh and Fioretto (2021), NeurIPS (the
penalty on 1 - sum f^2); Tran, Fioretto and Van Hentenryck (2021), Differentially private and fair
deep learning: a Lagrangian dual approach, AAAI. METHODS-learning 4.
"""

from __future__ import annotations

import abc
import math

import attrs
import torch
from torch import Tensor
from torch.nn import functional

from dpaudit.training.ensemble import Backward, Ensemble


@attrs.define(kw_only=True)
class Batch:
    """What a rule sees of one batch of R replicates: who is in it, valid (R, B), groups (R, B)."""

    groups: Tensor
    valid: Tensor

    def sums(self, values: Tensor, count: int) -> Tensor:
        """Return the sums of ``values`` (R, B) over each group, shape (R, A)."""
        total = torch.zeros(len(values), count, dtype=values.dtype, device=values.device)
        return total.scatter_add_(1, self.groups, values * self.valid)


@attrs.define(kw_only=True)
class Rule(abc.ABC):
    """One mitigation while it runs: state of its own for each of R replicates.

    Parameters
    ----------
    clip_norm
        C.
    batch
        b, the expected size of a batch.
    shares
        p_a, public, shape (A,).
    replicates
        R.
    deviation
        The standard deviation of the noise on each of its statistics; 0: they are exact.
    """

    clip_norm: float
    batch: float
    shares: Tensor
    replicates: int
    deviation: float = 0.0

    @property
    def size(self) -> int:
        """How many numbers it asks of each batch."""
        return 0

    def push(self, logits: Tensor, labels: Tensor, batch: Batch) -> Tensor | None:
        """Return what is added to the error of the logits, (R, B, K)."""
        return None

    def weight(self, batch: Batch) -> Tensor | None:
        """Return the factor of every loss before clipping, (R, B)."""
        return None

    @abc.abstractmethod
    def factors(self, norms: Tensor, batch: Batch, noise: Tensor) -> Tensor:
        """Return the factor of every gradient (R, B); ``noise`` is (R, size), of deviation 1."""

    def bound(self) -> float | Tensor:
        """Return the norm that no multiplied gradient exceeds: a number, or (R, 1)."""
        return self.clip_norm

    def after(self, logits: Tensor, labels: Tensor, batch: Batch, noise: Tensor) -> None:
        """Learn from the statistics of a batch for the next one."""

    @property
    def asks_direction(self) -> bool:
        """Whether it asks for a sum of gradients of each batch, too."""
        return False

    def look(self, net: Ensemble, inputs: Tensor) -> None:
        """See the inputs (R, B, d) of a batch before its gradients are worked out."""

    def learn(self, net: Ensemble, made: Backward, batch: Batch, noise: Tensor) -> None:
        """Learn from the gradients of the loss alone; ``noise`` is (R, P), of deviation 1."""


def flat(norms: Tensor, bound: float | Tensor) -> Tensor:
    """Return the factors that clip gradients of these norms at ``bound``."""
    return bound / torch.clamp(norms, min=bound) if isinstance(bound, float) else (
        bound / torch.maximum(norms, bound)
    )  # fmt: skip


@attrs.define(kw_only=True)
class Reweighted(Rule):
    """Weigh every loss by 1/(A p_a) before clipping: what the clip then partly undoes."""

    def weight(self, batch: Batch) -> Tensor:
        """Return the weight of each record's group."""
        weights = 1.0 / (len(self.shares) * self.shares)
        return weights[batch.groups]

    def factors(self, norms: Tensor, batch: Batch, noise: Tensor) -> Tensor:
        """Return flat factors."""
        return flat(norms, self.clip_norm)


@attrs.define(kw_only=True)
class GlobalAdapt(Rule):
    """Multiply by C/max(Z, ||g||) and let Z follow the share of longer gradients.

    Asked: how many of a batch are longer than tau Z, which one person changes by 1.
    """

    threshold: float
    tolerance: float = 1.0
    rate: float = 0.1
    _z: Tensor = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._z = torch.full((self.replicates, 1), self.threshold, device=self.shares.device)

    @property
    def size(self) -> int:
        """One number."""
        return 1

    def factors(self, norms: Tensor, batch: Batch, noise: Tensor) -> Tensor:
        """Return C/max(Z, ||g||), and move Z for the next batch."""
        made = self.clip_norm / torch.maximum(norms, self._z)
        longer = ((norms > self.tolerance * self._z) * batch.valid).sum(1, keepdim=True)
        # Not cut to [0, 1]: that would let Z grow by noise alone.
        share = (longer + self.deviation * noise) / self.batch
        # Below C every gradient is shorter than what it is multiplied to.
        self._z = (self._z * torch.exp(share - self.rate)).clamp(min=self.clip_norm)
        return made


@attrs.define(kw_only=True)
class GroupClip(Rule):
    """Clip group a at C_a = C (1 + (m_a/b_a) / (m/b)), from noisy counts.

    Asked: how many of each group are longer than C, and how many are not: one person changes one
    of these by 1. The noise follows the largest C_a over **all** groups: that over the groups in
    the batch would depend on who is in it.
    """

    _bounds: Tensor = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        groups = len(self.shares)
        self._bounds = torch.full((self.replicates, groups), 2.0 * self.clip_norm,
                                  device=self.shares.device)  # fmt: skip

    @property
    def size(self) -> int:
        """Two numbers for each group."""
        return 2 * len(self.shares)

    def factors(self, norms: Tensor, batch: Batch, noise: Tensor) -> Tensor:
        """Return the factors of each record's group."""
        groups = len(self.shares)
        longer = (norms > self.clip_norm).to(norms.dtype)
        counts = torch.cat([batch.sums(longer, groups), batch.sums(1.0 - longer, groups)], dim=1)
        noisy = (counts + self.deviation * noise).clamp(min=0.0)
        above, below = noisy[:, :groups], noisy[:, groups:]
        share = above / (above + below).clamp(min=1.0)
        whole = above.sum(1, keepdim=True) / noisy.sum(1, keepdim=True).clamp(min=1.0)
        ratio = torch.where(whole > 0, share / whole.clamp(min=1.0 / self.batch), 1.0)
        ratio = torch.minimum(ratio, 1.0 / self.shares)  # where counts are exact it never exceeds
        self._bounds = self.clip_norm * (1.0 + ratio)
        return flat(norms, self._bounds.gather(1, batch.groups))

    def bound(self) -> Tensor:
        """Return the largest bound of any group."""
        return self._bounds.amax(1, keepdim=True)


@attrs.define(kw_only=True)
class Coupled(Rule):
    """A penalty on |x_a - x| over groups, where x_a is a mean over the group's records.

    The gradient of sum_a l_a |x_a - x| is the mean over records of w_i grad x_i with w_i =
    l_a s_a / p_a - sum_b l_b s_b and s_a the sign of x_a - x: once the signs are known, every
    record has a gradient of its own, which is clipped as always. Asked for the signs: of each group
    the sum of x_i over its bound, and how many there are: one person changes these by at most
    sqrt 2. Answers are averaged over batches, which costs nothing more: with many small groups a
    single one is mostly noise.

    Parameters
    ----------
    memory
        The weight of earlier answers in the average.
    """

    memory: float = 0.95
    _answers: Tensor | None = attrs.field(init=False, default=None)
    _weights: Tensor = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        groups = len(self.shares)
        self._weights = torch.zeros(self.replicates, groups, device=self.shares.device)

    @property
    def size(self) -> int:
        """Two numbers for each group."""
        return 2 * len(self.shares)

    def factors(self, norms: Tensor, batch: Batch, noise: Tensor) -> Tensor:
        """Return flat factors."""
        return flat(norms, self.clip_norm)

    def after(self, logits: Tensor, labels: Tensor, batch: Batch, noise: Tensor) -> None:
        """Find the signs for the next batch."""
        groups = len(self.shares)
        parts = [batch.sums(self.measure(logits, labels), groups),
                 batch.sums(torch.ones_like(batch.valid), groups)]  # fmt: skip
        asked = torch.cat(parts, dim=1) + math.sqrt(2.0) * self.deviation * noise
        before = asked if self._answers is None else self._answers
        self._answers = self.memory * before + (1.0 - self.memory) * asked
        means = self._answers[:, :groups] / self._answers[:, groups:].clamp(min=1.0)
        means = means.clamp(0.0, 1.0)
        apart = means - (means * self.shares).sum(1, keepdim=True)
        pressed = self.pressure(apart) * apart.sign()
        self._weights = pressed / self.shares - pressed.sum(1, keepdim=True)

    @abc.abstractmethod
    def measure(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return x_i over its bound, (R, B), in [0, 1]."""

    @abc.abstractmethod
    def pressure(self, apart: Tensor) -> Tensor:
        """Return l_a of each group, (R, A), from what sets it apart, in units of the bound."""


@attrs.define(kw_only=True)
class EqualCloseness(Coupled):
    """Penalise differences of h = 1 - sum_k f_k^2, the part of the trace that a model can change.

    Parameters
    ----------
    strength
        gamma_2.
    """

    strength: float

    def measure(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return h over 1 - 1/K."""
        f = chances(logits)
        return (1.0 - f.square().sum(2)) / (1.0 - 1.0 / f.shape[2])

    def pressure(self, apart: Tensor) -> Tensor:
        """Return gamma_2 for every group."""
        return torch.full_like(apart, self.strength)

    def push(self, logits: Tensor, labels: Tensor, batch: Batch) -> Tensor:
        """Return w_i dh/dz."""
        f = chances(logits)
        slope = -2.0 * f * (f - f.square().sum(2, keepdim=True))
        if logits.shape[2] == 1:
            slope = 2.0 * (1.0 - 2.0 * f[:, :, 1:]) * f[:, :, 1:] * f[:, :, :1]
        return self._weights.gather(1, batch.groups)[:, :, None] * slope


@attrs.define(kw_only=True)
class EqualLoss(Coupled):
    """A Lagrangian dual for equal losses of groups: multipliers grow with what sets them apart.

    Parameters
    ----------
    loss_bound
        Losses are taken as at most this where they are asked.
    rate
        rho: lambda_a grows by rho |L_a - L| with every batch.
    most
        The largest multiplier.
    """

    loss_bound: float = 2.0
    rate: float = 0.05
    most: float = 2.0
    _multipliers: Tensor = attrs.field(init=False, default=torch.zeros(0))

    def measure(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss over its bound."""
        if logits.shape[2] == 1:
            z = logits[:, :, 0]
            losses = functional.softplus(z) - labels * z
        else:
            chosen = logits.gather(2, labels[:, :, None])[:, :, 0]
            losses = torch.logsumexp(logits, dim=2) - chosen
        return losses.clamp(max=self.loss_bound) / self.loss_bound

    def pressure(self, apart: Tensor) -> Tensor:
        """Return the multipliers after one more step."""
        before = self._multipliers if len(self._multipliers) else torch.zeros_like(apart)
        self._multipliers = (before + self.rate * self.loss_bound * apart.abs()).clamp(
            max=self.most
        )
        return self._multipliers

    def weight(self, batch: Batch) -> Tensor:
        """Return 1 + w_i, the factor of each loss."""
        return 1.0 + self._weights.gather(1, batch.groups)


def chances(logits: Tensor) -> Tensor:
    """Return f (R, B, K), two columns for one logit."""
    if logits.shape[2] == 1:
        return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=2)
    return torch.softmax(logits, dim=2)
