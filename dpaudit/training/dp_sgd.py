"""DP-SGD of hundreds of independent runs at once.

This module needs torch, from the extra ``learn``. Each run has the distribution of one of Opacus:
exact Poisson batches, gradients clipped record by record, Gaussian noise on their sum, and the
**expected** batch as divisor.

References
----------
Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar and Zhang (2016), Deep learning with differential
privacy, CCS, Algorithm 1; METHODS-learning 3 and 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import attrs
import numpy as np
import torch
from torch import Tensor

from dpaudit.errors import DataError, UsageError
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.training.accounting import Account, Query
from dpaudit.training.draws import (
    DIRECTION,
    STATISTICS,
    batches,
    batches_among,
    noises,
    starts,
)
from dpaudit.training.ensemble import (
    Activation,
    Backward,
    Changed,
    Ensemble,
    parameter_count,
    start_scales,
)
from dpaudit.training.group_rules import Batch, Rule
from dpaudit.training.records import IntArray, Records
from dpaudit.training.threads import one_torch_thread

_CHUNK_LINEAR, _CHUNK_NET = 50, 10


@attrs.frozen(kw_only=True)
class DpSgd:
    """How to train; runs with one seed share batches and noise, whatever else differs.

    The four arms of a 2 x 2 factorial are ``clipped`` on or off and ``noise_sign`` 1 or 0, the
    antithetic twin has ``noise_sign`` -1: noise always has the deviation sigma C.

    Parameters
    ----------
    sizes
        Layers, as of :class:`~dpaudit.training.ensemble.Ensemble`.
    batch
        b, the expected size of a batch.
    steps, step
        T and eta.
    clip_norm
        C.
    noise_multiplier
        sigma.
    clipped, noise_sign
        The arm.
    activation, bias
        Of the layers.
    start
        ``zero`` (for one layer), or ``random`` as torch starts a Linear layer, own to each run.
    device
        ``cpu`` or ``cuda``: the draws are the same.
    rule
        Makes a mitigation of :mod:`dpaudit.training.group_rules`; what it asks of a batch is not
        in :meth:`account`.
    """

    sizes: tuple[int, ...]
    batch: float
    steps: int = attrs.field(validator=attrs.validators.ge(1))
    step: float = attrs.field(validator=attrs.validators.gt(0.0))
    clip_norm: float = attrs.field(validator=attrs.validators.gt(0.0))
    noise_multiplier: float = attrs.field(validator=attrs.validators.ge(0.0))
    clipped: bool = True
    noise_sign: Literal[1, 0, -1] = 1
    activation: Activation = "tanh"
    bias: bool = True
    start: Literal["zero", "random"] = "random"
    device: str = "cpu"
    rule: Callable[..., Rule] | None = None

    def account(self, records: int) -> Account:
        """Return what a run over ``records`` people costs.

        Raises
        ------
        UsageError
            If this arm has no clipping or no noise, and so no guarantee.
        """
        if not self.clipped or not self.noise_sign or not self.noise_multiplier:
            raise UsageError(
                f"clipped {self.clipped!r} with noise_sign {self.noise_sign!r} and "
                f"noise_multiplier {self.noise_multiplier!r}: this arm promises nothing",
                hint="account for the arm with clipping and noise",
            )
        query = Query(name="clipped gradients", noise_multiplier=self.noise_multiplier)
        return Account(sample_rate=self.batch / records, steps=self.steps, each_step=(query,))

    def train(
        self,
        records: Records,
        replicates: range,
        seed: int,
        members: BoolArray | None = None,
    ) -> FloatArray:
        """Return the parameters of every replicate, shape (R, P).

        Parameters
        ----------
        records
            Of d columns, labels 0 ... K - 1.
        replicates
            Their numbers: ``range(0, 100)`` gives the same runs as its parts do, to rounding.
        seed
            Of all draws.
        members
            Which records each replicate learns from, shape (R, n); by default all. Each run is then
            the one that it would be if there were no other records.

        Raises
        ------
        DataError
            If columns or labels do not fit the layers.
        UsageError
            If the batch is not in (0, n], a run diverges, or a rule is to learn from parts.
        """
        inputs, labels = self._tensors(records)
        rows = None if members is None else self._rows(members)
        groups = torch.as_tensor(records.groups, device=self.device)
        chunk = _CHUNK_LINEAR if len(self.sizes) == 2 else _CHUNK_NET  # noqa: PLR2004 (one layer)
        with one_torch_thread():
            parts = [
                self._chunk(
                    inputs, labels, groups, replicates[at : at + chunk], seed,
                    rows=None if rows is None else rows[at : at + chunk],
                )
                for at in range(0, len(replicates), chunk)
            ]  # fmt: skip
        found = np.concatenate(parts)
        bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
        if bad.size:
            raise UsageError(
                f"replicate {replicates[int(bad[0])]} diverged with step {self.step!r}",
                hint="choose a smaller step",
            )
        return found

    def after(self, steps: int, records: Records, replicates: range, seed: int) -> FloatArray:
        """Return the parameters after the first ``steps`` of :meth:`train`, shape (R, P)."""
        if not steps:
            return self._start(replicates, seed).double().cpu().numpy()
        return attrs.evolve(self, steps=steps).train(records, replicates, seed)

    def losses(self, parameters: FloatArray, records: Records) -> FloatArray:
        """Return the loss of every record under every replicate, shape (R, n), nats."""
        inputs, labels = self._tensors(records)
        return np.concatenate(
            [net.losses(inputs, labels).double().cpu().numpy() for net in self._nets(parameters)]
        )

    def predictions(self, parameters: FloatArray, records: Records) -> IntArray:
        """Return the predicted class of every record by every replicate, shape (R, n)."""
        inputs, _ = self._tensors(records)
        return np.concatenate(
            [net.predictions(inputs).cpu().numpy() for net in self._nets(parameters)]
        )

    @property
    def size(self) -> int:
        """P."""
        return parameter_count(self.sizes, bias=self.bias)

    def _nets(self, parameters: FloatArray) -> list[Ensemble]:
        theta = torch.as_tensor(parameters, dtype=torch.float32, device=self.device)
        return [self._net(part) for part in torch.split(theta, _CHUNK_NET)]

    def _net(self, theta: Tensor) -> Ensemble:
        return Ensemble(self.sizes, theta, activation=self.activation, bias=self.bias)

    def _rows(self, members: BoolArray) -> list[IntArray]:
        """Return the records of every replicate."""
        if self.rule is not None:
            raise UsageError(
                "a mitigation that asks for statistics of groups cannot learn from parts at once",
                hint="train the replicates one by one",
            )
        rows = [np.flatnonzero(own) for own in members]
        fewest = min(len(own) for own in rows)
        if not self.batch <= fewest:
            raise UsageError(
                f"batch {self.batch!r} is larger than the {fewest} records of a replicate",
                hint="take a smaller batch",
            )
        return rows

    def _chunk(
        self,
        inputs: Tensor,
        labels: Tensor,
        groups: Tensor,
        replicates: range,
        seed: int,
        *,
        rows: list[IntArray] | None,
    ) -> FloatArray:
        net = self._net(self._start(replicates, seed))
        n, rate = len(inputs), self.batch / len(inputs)
        if rows is None:
            drawn = batches(n, rate, self.steps, seed, replicates)
        else:
            drawn = batches_among(rows, self.batch, self.steps, seed, replicates)
        noise = noises(self.size, self.steps, seed, replicates) if self._noisy else None
        deviation = self.noise_sign * self.noise_multiplier
        asked = _Asked(self, self._made_rule(groups, n, len(replicates)), seed, replicates)
        for indices, valid in drawn:
            place = torch.from_numpy(indices).to(self.device)
            weights = torch.from_numpy(valid).to(self.device, torch.float32)
            chosen = inputs.index_select(0, place.reshape(-1)).view(*place.shape, -1)
            batch = Batch(groups=groups[place], valid=weights)
            asked.look(net, chosen)
            made = net.backward(chosen, labels[place], asked.changed(labels[place], batch))
            weights = weights * asked.factors(net, made, batch)
            asked.learn(net, chosen, labels[place], batch)
            total = net.gradient(made, weights)
            if noise is not None:
                scale = deviation * asked.bound()
                total = total + scale * torch.from_numpy(next(noise)).to(self.device)
            net.parameters.sub_(total, alpha=self.step / self.batch)
        return net.parameters.double().cpu().numpy()

    def _made_rule(self, groups: Tensor, n: int, replicates: int) -> Rule | None:
        """Return the mitigation at its start, if there is one."""
        if self.rule is None:
            return None
        shares = torch.bincount(groups).float() / n
        return self.rule(
            clip_norm=self.clip_norm, batch=self.batch, shares=shares, replicates=replicates
        )

    @property
    def _noisy(self) -> bool:
        return bool(self.noise_sign and self.noise_multiplier)

    def _start(self, replicates: range, seed: int) -> Tensor:
        if self.start == "zero":
            return torch.zeros(len(replicates), self.size, device=self.device)
        first = torch.from_numpy(starts(self.size, seed, replicates))
        return (first * start_scales(self.sizes, bias=self.bias)).float().to(self.device)

    def _tensors(self, records: Records) -> tuple[Tensor, Tensor]:
        if records.inputs.shape[1] != self.sizes[0]:
            raise DataError(
                f"inputs have {records.inputs.shape[1]} columns, layers {self.sizes!r} take "
                f"{self.sizes[0]}",
                hint="give the number of columns as the first size",
            )
        if not 0 < self.batch <= len(records) or not math.isfinite(self.batch):
            raise UsageError(
                f"batch {self.batch!r} is not between 0 and the {len(records)} records",
                hint="give the expected size of a batch",
            )
        labels = records.classes(max(2, self.sizes[-1]))
        inputs = torch.as_tensor(records.inputs, dtype=torch.float32, device=self.device)
        return inputs, torch.as_tensor(labels, device=self.device)


class _Asked:
    """The mitigation of one chunk with the noise of its statistics, or plain flat clipping."""

    def __init__(self, sgd: DpSgd, rule: Rule | None, seed: int, replicates: range) -> None:
        self._sgd, self._rule = sgd, rule
        self._sign = float(sgd.noise_sign)
        self._logits: Tensor | None = None
        self._labels: Tensor | None = None
        self._drawn = (
            noises(rule.size, sgd.steps, seed, replicates, STATISTICS)
            if rule is not None and rule.size
            else None
        )
        self._wide = (
            noises(sgd.size, sgd.steps, seed, replicates, DIRECTION)
            if rule is not None and rule.asks_direction
            else None
        )

    def look(self, net: Ensemble, inputs: Tensor) -> None:
        if self._rule is not None and self._sgd.clipped:
            self._rule.look(net, inputs)

    def learn(self, net: Ensemble, inputs: Tensor, labels: Tensor, batch: Batch) -> None:
        if self._rule is None or self._wide is None or not self._sgd.clipped:
            return
        noise = self._sign * torch.from_numpy(next(self._wide)).to(inputs.device)
        self._rule.learn(net, net.backward(inputs, labels), batch, noise)

    def changed(self, labels: Tensor, batch: Batch) -> Changed | None:
        rule = self._rule
        if rule is None:
            return None
        self._labels = labels

        def change(logits: Tensor, error: Tensor) -> Tensor:
            self._logits = logits
            weight, push = rule.weight(batch), rule.push(logits, labels, batch)
            if weight is not None:
                error = error * weight[:, :, None]
            return error if push is None else error + push

        return change

    def factors(self, net: Ensemble, made: Backward, batch: Batch) -> Tensor:
        sgd, rule = self._sgd, self._rule
        if not sgd.clipped:
            return torch.ones_like(batch.valid)
        norms = net.norms(made)
        if rule is None:
            return sgd.clip_norm / norms.clamp(min=sgd.clip_norm)
        noise = torch.zeros(len(norms), rule.size, device=norms.device)
        if self._drawn is not None:
            noise = self._sign * torch.from_numpy(next(self._drawn)).to(norms.device)
        found = rule.factors(norms, batch, noise)
        if self._logits is not None and self._labels is not None:
            rule.after(self._logits, self._labels, batch, noise)
        return found

    def bound(self) -> float | Tensor:
        return self._sgd.clip_norm if self._rule is None else self._rule.bound()
