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
from typing import Literal

import attrs
import numpy as np
import torch
from torch import Tensor

from dpaudit.errors import DataError, UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.training.accounting import Account, Query
from dpaudit.training.draws import batches, noises, starts
from dpaudit.training.ensemble import Activation, Ensemble, parameter_count, start_scales
from dpaudit.training.records import IntArray, Records

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

    def train(self, records: Records, replicates: range, seed: int) -> FloatArray:
        """Return the parameters of every replicate, shape (R, P).

        Parameters
        ----------
        records
            Of d columns, labels 0 ... K - 1.
        replicates
            Their numbers: ``range(0, 100)`` gives the same runs as its parts do, to rounding.
        seed
            Of all draws.

        Raises
        ------
        DataError
            If columns or labels do not fit the layers.
        UsageError
            If the batch is not in (0, n], or a run diverges.
        """
        inputs, labels = self._tensors(records)
        chunk = _CHUNK_LINEAR if len(self.sizes) == 2 else _CHUNK_NET  # noqa: PLR2004 (one layer)
        parts = [
            self._chunk(inputs, labels, replicates[at : at + chunk], seed)
            for at in range(0, len(replicates), chunk)
        ]
        found = np.concatenate(parts)
        bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
        if bad.size:
            raise UsageError(
                f"replicate {replicates[int(bad[0])]} diverged with step {self.step!r}",
                hint="choose a smaller step",
            )
        return found

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

    def _chunk(self, inputs: Tensor, labels: Tensor, replicates: range, seed: int) -> FloatArray:
        net = self._net(self._start(replicates, seed))
        n, rate = len(inputs), self.batch / len(inputs)
        drawn = batches(n, rate, self.steps, seed, replicates)
        noise = noises(self.size, self.steps, seed, replicates) if self._noisy else None
        deviation = self.noise_sign * self.noise_multiplier * self.clip_norm
        for indices, valid in drawn:
            place = torch.from_numpy(indices).to(self.device)
            weights = torch.from_numpy(valid).to(self.device, torch.float32)
            chosen = inputs.index_select(0, place.reshape(-1)).view(*place.shape, -1)
            made = net.backward(chosen, labels[place])
            if self.clipped:
                norms = net.norms(made).clamp(min=self.clip_norm)
                weights = weights * (self.clip_norm / norms)
            total = net.gradient(made, weights)
            if noise is not None:
                total = total + deviation * torch.from_numpy(next(noise)).to(self.device)
            net.parameters.sub_(total, alpha=self.step / self.batch)
        return net.parameters.double().cpu().numpy()

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
