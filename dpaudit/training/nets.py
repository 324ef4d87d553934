"""Small nets of torch, seen as a function of one flat vector: training, pruning, curvature.

This module needs torch, from the extra ``learn``. Parameters are matched by their names: torch
puts them in another order once a layer was pruned.

References
----------
Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6(1); Tran,
Fioretto, Kim and Naidu (2022), Pruning has a disparate impact on model accuracy, NeurIPS, Section 6
(equal group losses by a Lagrangian dual).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune

from dpaudit.errors import UsageError
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.training.image_net import ConvNet
from dpaudit.training.models import Model
from dpaudit.training.one_hidden_layer import OneHiddenLayer
from dpaudit.training.records import Records
from dpaudit.training.threads import one_torch_thread

Scope = Literal["global", "layer"]
_TINY = 1e-12
Penalty = Callable[[Tensor, Tensor, Tensor, list[Tensor]], Tensor]
"""From losses (m,), logits (m, K) and groups (m,) of a batch, and the parameters, to what is added
to its mean loss."""


def module_of(model: Model) -> nn.Module:
    """Return a fresh net of the form of ``model``, in float64, as torch starts it.

    Raises
    ------
    UsageError
        If the form is no net.
    """
    if isinstance(model, OneHiddenLayer):
        between: nn.Module = nn.Tanh() if model.activation == "tanh" else nn.ReLU()
        layers = [
            nn.Linear(model.features, model.hidden), between, nn.Linear(model.hidden, model.classes)
        ]  # fmt: skip
        return nn.Sequential(*layers).double()
    if isinstance(model, ConvNet):
        return model.module()
    raise UsageError(
        f"model {type(model).__name__} is no net", hint="take OneHiddenLayer or ConvNet"
    )


def flat(module: nn.Module, names: tuple[str, ...]) -> FloatArray:
    """Return the parameters of ``module`` in the order of ``names``, shape (P,)."""
    held = dict(module.named_parameters())
    parts = [held[name].detach().double().reshape(-1) for name in names]
    return torch.cat(parts).cpu().numpy()


def names_of(module: nn.Module) -> tuple[str, ...]:
    """Return the names of the parameters of a fresh net, in the order of theta."""
    return tuple(name for name, _ in module.named_parameters())


def loaded(model: Model, theta: FloatArray) -> nn.Module:
    """Return a net with the parameters ``theta`` (P,)."""
    module, start = module_of(model), 0
    with torch.no_grad():
        for parameter in module.parameters():
            part = torch.tensor(theta[start : start + parameter.numel()])
            parameter.copy_(part.reshape(parameter.shape))
            start += parameter.numel()
    return module


def started(model: Model, rng: np.random.Generator) -> FloatArray:
    """Return first parameters, shape (P,): uniform within 1/sqrt(fan in), as torch does."""
    parts = []
    module = module_of(model)
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            reach = layer.weight[0].numel() ** -0.5
            sizes = [layer.weight.numel(), 0 if layer.bias is None else layer.bias.numel()]
            parts.append(rng.uniform(-reach, reach, sum(sizes)))
    return np.concatenate(parts)


@attrs.frozen(kw_only=True)
class Sgd:
    """Plain minibatch descent, a shuffled epoch at a time.

    Parameters
    ----------
    epochs, batch, step
        How long, how many records at once, and eta; the last fifth of the epochs has eta / 10.
    dual_step
        rho of the Lagrangian dual: the multiplier of each group rises by rho times the group's
        violation after every epoch. 0 for none.
    """

    epochs: int = attrs.field(validator=attrs.validators.ge(0))
    batch: int = attrs.field(default=64, validator=attrs.validators.ge(1))
    step: float = attrs.field(default=0.2, validator=attrs.validators.gt(0.0))
    dual_step: float = attrs.field(default=0.0, validator=attrs.validators.ge(0.0))

    @one_torch_thread()
    def run(
        self,
        model: Model,
        theta: FloatArray,
        records: Records,
        rng: np.random.Generator,
        *,
        kept: BoolArray | None = None,
        penalty: Penalty | None = None,
    ) -> FloatArray:
        """Return the parameters after training from ``theta``, shape (P,).

        Parameters
        ----------
        kept
            Which parameters may change, shape (P,).
        penalty
            What is added to the mean loss of a batch.

        Raises
        ------
        UsageError
            If it diverges.
        """
        module = loaded(model, theta).float()
        parameters: list[Tensor] = list(module.parameters())
        masks = _masks(module, kept)
        inputs = torch.as_tensor(records.inputs, dtype=torch.float32)
        labels = torch.as_tensor(records.labels, dtype=torch.int64)
        groups = torch.as_tensor(records.groups)
        duals = torch.zeros(len(records.sizes))
        for epoch in range(self.epochs):
            step = self.step if epoch < 0.8 * self.epochs else 0.1 * self.step
            order = torch.from_numpy(rng.permutation(len(records)))
            for rows in torch.split(order, self.batch):
                logits = module(inputs[rows])
                losses = functional.cross_entropy(logits, labels[rows], reduction="none")
                total = losses.mean() + _dual_part(losses, groups[rows], duals)
                if penalty is not None:
                    total = total + penalty(losses, logits, groups[rows], parameters)
                _descend(parameters, torch.autograd.grad(total, parameters), step, masks)
            if self.dual_step:
                duals = duals + self.dual_step * _violations(module, inputs, labels, groups)
        found = flat(module, names_of(module))
        if not np.isfinite(found).all():
            raise UsageError(
                f"training diverged with step {self.step!r}", hint="choose a smaller step"
            )
        return found if kept is None else np.where(kept, found, theta)


def group_penalty(gradient: float, boundary: float) -> Penalty:
    """Return penalties of how far groups are apart in gradient norm and closeness to the boundary.

    Parameters
    ----------
    gradient, boundary
        Weights of sum_a | ||g_a|| - ||g|| | and of sum_a |h_a - h| with h = E[1 - sum_k f_k^2].

    Notes
    -----
    The terms that the abstract of the paper names; its formulas are not in what this project
    was given, so the forms are the plainest that the words allow.
    """

    def penalty(losses: Tensor, logits: Tensor, groups: Tensor, parameters: list[Tensor]) -> Tensor:
        inside = [groups == a for a in sorted(set(groups.tolist()))]
        total = losses.new_zeros(())
        if boundary:
            close = 1.0 - torch.softmax(logits, dim=1).square().sum(dim=1)
            parts = [(close[rows].mean() - close.mean()).abs() for rows in inside]
            total = total + boundary * torch.stack(parts).sum()
        if gradient:
            whole = _gradient_norm(losses.mean(), parameters)
            apart = [(_gradient_norm(losses[r].mean(), parameters) - whole).abs() for r in inside]
            total = total + gradient * torch.stack(apart).sum()
        return total

    return penalty


def _gradient_norm(loss: Tensor, parameters: list[Tensor]) -> Tensor:
    slopes = torch.autograd.grad(loss, parameters, create_graph=True)
    # The constant keeps the root smooth where a gradient is 0.
    return (torch.stack([slope.square().sum() for slope in slopes]).sum() + _TINY).sqrt()


def magnitude_pruned(
    model: Model, theta: FloatArray, rate: float, scope: Scope = "global"
) -> tuple[FloatArray, BoolArray]:
    """Return ``theta`` with its smallest weights set to 0, and which parameters were kept.

    Parameters
    ----------
    rate
        Share of the weights that go, in [0, 1); biases stay.
    scope
        ``global``: the smallest of all layers together; ``layer``: of each layer by itself.

    Raises
    ------
    UsageError
        If the rate is not in [0, 1).
    """
    if not 0 <= rate < 1:
        raise UsageError(f"rate {rate!r} is not in [0, 1)", hint="give the share to remove")
    module = loaded(model, theta)
    names = names_of(module)
    pruned = [
        (layer, "weight") for layer in module.modules() if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    if scope == "global":
        prune.global_unstructured(pruned, pruning_method=prune.L1Unstructured, amount=rate)
    else:
        for layer, what in pruned:
            prune.l1_unstructured(layer, what, amount=rate)  # type: ignore[no-untyped-call]
    for layer, what in pruned:
        prune.remove(layer, what)  # type: ignore[no-untyped-call]
    after = flat(module, names)
    return after, (after != 0) | (theta == 0)


def _masks(module: nn.Module, kept: BoolArray | None) -> list[Tensor | None]:
    masks: list[Tensor | None] = []
    start = 0
    for parameter in module.parameters():
        part = None if kept is None else kept[start : start + parameter.numel()]
        masks.append(
            None if part is None else torch.as_tensor(part).reshape(parameter.shape).float()
        )
        start += parameter.numel()
    return masks


def _descend(
    parameters: list[Tensor], slopes: tuple[Tensor, ...], step: float, masks: list[Tensor | None]
) -> None:
    with torch.no_grad():
        for parameter, slope, mask in zip(parameters, slopes, masks, strict=True):
            parameter.sub_(slope if mask is None else slope * mask, alpha=step)


def _dual_part(losses: Tensor, groups: Tensor, duals: Tensor) -> Tensor:
    if not bool(duals.any()):
        return losses.new_zeros(())
    mean = losses.mean()
    parts = [
        duals[a] * (losses[groups == a].mean() - mean).abs()
        for a in range(len(duals))
        if bool((groups == a).any())
    ]
    return torch.stack(parts).sum()


def _violations(module: nn.Module, inputs: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
    count = int(groups.max()) + 1
    with torch.no_grad():
        losses = functional.cross_entropy(module(inputs), labels, reduction="none")
        return torch.stack(
            [(losses[groups == a].mean() - losses.mean()).abs() for a in range(count)]
        )
