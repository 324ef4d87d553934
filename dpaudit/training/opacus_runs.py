"""DP-SGD by Opacus, one run after the other: the reference that the fast trainer is held to.

This module needs torch and Opacus, from the extra ``learn``. Batches are drawn with the exact rate
b/n and divided by b; ``PrivacyEngine`` would round both to whole numbers of batches.
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dpaudit.errors import UnavailableError
from dpaudit.model.arrays import FloatArray
from dpaudit.training.dp_sgd import DpSgd
from dpaudit.training.draws import generator
from dpaudit.training.records import Records

_SEED = 71


def opacus_runs(sgd: DpSgd, records: Records, replicates: range, seed: int) -> FloatArray:
    """Return the parameters of runs of Opacus, shape (R, P), in the order of ``sgd.train``.

    Parameters
    ----------
    sgd
        The arm with clipping and noise, on the processor, without a mitigation.
    replicates, seed
        Each replicate has a seed of its own; its draws are not those of ``sgd.train``.

    Raises
    ------
    UnavailableError
        If Opacus is not installed.
    """
    try:
        from opacus import GradSampleModule
        from opacus.optimizers import DPOptimizer
    except ImportError as error:
        raise UnavailableError(
            "engine 'opacus' needs Opacus, which is not installed",
            hint="pip install 'dpaudit[learn]', or take engine = 'vectorised'",
        ) from error
    inputs = torch.as_tensor(records.inputs, dtype=torch.float32)
    labels = torch.as_tensor(records.classes(max(2, sgd.sizes[-1])))
    found = []
    for replicate in replicates:
        drawn = generator(seed, replicate, _SEED).integers(2**62)
        source = torch.Generator().manual_seed(int(drawn))
        net = GradSampleModule(_net(sgd, source))
        optimiser = DPOptimizer(
            torch.optim.SGD(net.parameters(), lr=sgd.step),
            noise_multiplier=sgd.noise_multiplier,
            max_grad_norm=sgd.clip_norm,
            expected_batch_size=sgd.batch,
            generator=source,
        )
        for _ in range(sgd.steps):
            chosen = torch.rand(len(inputs), generator=source) < sgd.batch / len(inputs)
            optimiser.zero_grad()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # hooks warn of inputs without a gradient
                torch.autograd.backward(_loss(net(inputs[chosen]), labels[chosen]))
            optimiser.step()
        found.append(
            np.concatenate([p.detach().double().numpy().ravel() for p in net.parameters()])
        )
    return np.stack(found)


def _net(sgd: DpSgd, source: torch.Generator) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sgd.sizes):
        if layers:
            layers.append(torch.nn.Tanh() if sgd.activation == "tanh" else torch.nn.ReLU())
        linear = torch.nn.Linear(fan_in, fan_out, bias=sgd.bias)
        width = 0.0 if sgd.start == "zero" else fan_in**-0.5
        for parameter in linear.parameters():
            torch.nn.init.uniform_(parameter, -width, width, generator=source)
        layers.append(linear)
    return torch.nn.Sequential(*layers)


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean loss of a batch, also of an empty one."""
    if logits.shape[1] == 1:
        losses = functional.binary_cross_entropy_with_logits(
            logits[:, 0], labels.to(logits.dtype), reduction="none"
        )
    else:
        losses = functional.cross_entropy(logits, labels, reduction="none")
    return losses.sum() / max(1, len(losses))
