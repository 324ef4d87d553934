"""K_i of every group, by quadrature over the threshold, on two grids."""

from __future__ import annotations

import math

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.solvers.simplex_inversion import Inversion, Nodes
from dpaudit.solvers.simplex_panels import panel_nodes, panel_weights
from dpaudit.solvers.simplex_range import Groups, Range, threshold_range

_FINEST = 400.0
"""The largest frequency, in units of the smallest standard deviation of the noise."""

_BREAKS = 24
"""Up to this many distinct counts within the range, panels end at each of them."""

_MOST_PANELS = 2000


@attrs.frozen(kw_only=True)
class _Grid:
    """How fine a quadrature is."""

    order: int
    widening: float
    finest: float


_COARSE = _Grid(order=8, widening=1.0, finest=0.6 * _FINEST)
_FINE = _Grid(order=12, widening=1.25, finest=_FINEST)


def threshold_quadrature(
    groups: Groups, total: float, largest_cost: float
) -> tuple[FloatArray, FloatArray] | None:
    """Return K of each group and a bound of its error, both of shape (m,), persons.

    ``None`` where the noise is not known well enough or the cost would be too large.
    """
    theta = np.ones((1, 1))
    if groups.noise.lattice or groups.noise.clipped_characteristic(groups.counts, theta) is None:
        return None
    span = threshold_range(groups, total)
    near = groups.some(span.near)
    push = np.zeros_like(groups.counts)
    error = np.full_like(push, span.pooled)
    if not span.near.any():
        return push, error + np.where(span.near, 0.0, groups.noise.excess(span.high - groups.counts))
    edges = _edges(near, span)
    grids = [_plan(groups, span, total, edges, grid) for grid in (_COARSE, _FINE)]
    cost = near.counts.size * sum(
        grid.order * nodes.size for grid, (_, plan) in zip((_COARSE, _FINE), grids, strict=True) for nodes in plan
    )
    if cost > largest_cost:
        return None
    coarse, fine = (
        _integrate(near, inversion, edges, plan, grid.order)
        for grid, (inversion, plan) in zip((_COARSE, _FINE), grids, strict=True)
    )
    below = near.noise.excess(span.low - near.counts)
    push[span.near] = fine + below
    error[span.near] += np.abs(fine - coarse)
    return push, error


def _edges(near: Groups, span: Range) -> FloatArray:
    """Return panels no wider than the threshold's law and the noise are smooth."""
    variance = near.variance()
    narrow = math.sqrt(float(variance[variance > 0].min(initial=np.inf)))
    width = min(2.0 * span.spread, 3.0 * narrow)
    number = min(math.ceil((span.high - span.low) / width), _MOST_PANELS)
    edges = np.linspace(span.low, span.high, number + 1)
    inside = near.counts[(near.counts > span.low) & (near.counts < span.high)]
    inside = np.unique(inside)
    if inside.size > _BREAKS:
        return edges
    clear = np.abs(edges[1:-1, None] - inside).min(axis=1, initial=np.inf) > 0.05 * width
    return np.unique(np.concatenate([edges[:1], edges[1:-1][clear], edges[-1:], inside]))


def _plan(
    groups: Groups, span: Range, total: float, edges: FloatArray, grid: _Grid
) -> tuple[Inversion, list[Nodes]]:
    """Return the inversion and the frequencies of each panel."""
    far = groups.some(~span.near)
    variance = groups.variance()
    narrow = math.sqrt(float(variance[variance > 0].min()))
    inversion = Inversion(
        near=groups.some(span.near),
        far=_parts(far),
        gap=math.fsum([*(far.counts * far.many), -total]),
        total=total,
        last=grid.finest / narrow,
    )
    plan = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        most = float(groups.excess(low) @ groups.many) - total
        each = groups.excess(high)
        least = float(each @ groups.many) - total - float(np.where(span.near, each, 0.0).max())
        reach = max(abs(most), abs(least)) + span.slack
        plan.append(inversion.nodes(float(high), grid.widening * reach))
    return inversion, plan


def _parts(far: Groups) -> tuple[tuple[Noise, float], ...]:
    """Return one noise of each kind with the number of entities that have it."""
    if not far.counts.size:
        return ()
    kinds, first, where = np.unique(
        far.noise.parameters(far.counts.size), axis=0, return_index=True, return_inverse=True
    )
    many = np.bincount(where.ravel(), weights=far.many, minlength=len(kinds))
    return tuple(
        (far.noise.at(np.array([index])), float(each))
        for index, each in zip(first, many, strict=True)
    )


def _integrate(
    near: Groups, inversion: Inversion, edges: FloatArray, plan: list[Nodes], order: int
) -> FloatArray:
    """Integrate F_i(t) P(threshold without i > t) over the panels."""
    total = np.zeros_like(near.counts)
    for low, high, nodes in zip(edges[:-1], edges[1:], plan, strict=True):
        t, _ = panel_nodes(low, high, order)
        weights = panel_weights(near, low, high, order)
        total += (weights * inversion.exceed(t, nodes)).sum(axis=0)
    return total
