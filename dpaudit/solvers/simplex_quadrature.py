"""K_i of every group, by quadrature over the threshold, on two grids."""

from __future__ import annotations

import itertools

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.solvers.simplex_inversion import Inversion, Nodes
from dpaudit.solvers.simplex_kinks import threshold_kinks
from dpaudit.solvers.simplex_panels import panel_nodes, panel_weights
from dpaudit.solvers.simplex_range import Groups, Range, parts, threshold_range

_MOST_PANELS = 2000
_WIDEST = 2.0
_MOST_NARROW = 12
_AROUND = np.array([-20.0, -8.0, -3.0, 0.0, 3.0, 8.0, 20.0])
_CLOSEST = 1e-100


@attrs.frozen(kw_only=True)
class _Grid:
    """How fine a quadrature is.

    Parameters
    ----------
    order
        Nodes of one panel.
    widening
        The width of the law of the sum that is held, over the width that is needed.
    finest
        The largest frequency, over the inverse of the usual standard deviation.
    """

    order: int
    widening: float
    finest: float


_COARSE = _Grid(order=10, widening=1.0, finest=60.0)
_FINE = _Grid(order=14, widening=1.25, finest=100.0)


def threshold_quadrature(
    groups: Groups, total: float, largest_cost: float
) -> tuple[FloatArray, FloatArray] | None:
    """Return K of each group and a bound of its error, both of shape (m,), persons.

    ``None`` where the noise is not known well enough or the cost would be too large.
    """
    theta = np.ones((1, 1))
    if groups.noise.clipped_characteristic(groups.counts, theta) is None:
        return None
    span = threshold_range(groups, total)
    push = np.zeros_like(groups.counts)
    error = np.full_like(push, span.pooled)
    if not span.near.any():
        return push, error
    if not span.near.all() and groups.noise.characteristic(theta) is None:
        return None
    near = groups.some(span.near)
    edges = _edges(groups, span, total)
    grids = [_plan(groups, span, total, edges, grid) for grid in (_COARSE, _FINE)]
    cost = near.counts.size * sum(
        grid.order * nodes.size
        for grid, (_, plan) in zip((_COARSE, _FINE), grids, strict=True)
        for nodes in plan
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


def _edges(groups: Groups, span: Range, total: float) -> FloatArray:
    """Return panels that suit the law of the threshold, wider in its tails.

    They end where that law is not smooth, and beside entities of much less noise than others.
    """
    width = min(2.0 * span.spread, 3.0 * _usual(groups))
    widest = max(width, _WIDEST * _usual(groups))
    down = _steps(span.centre - span.low, width, widest)
    up = _steps(span.high - span.centre, width, widest)
    regular = np.concatenate([span.centre - down[::-1], span.centre + up])
    regular = regular[(regular > span.low) & (regular < span.high)]
    breaks = np.append(threshold_kinks(groups, span, total), _narrow(groups.some(span.near), width))
    breaks = breaks[(breaks > span.low) & (breaks < span.high)]
    clear = np.abs(regular[:, None] - breaks).min(axis=1, initial=np.inf) > 0.05 * width
    return np.unique(np.concatenate([[span.low, span.high], regular[clear], breaks]))


def _steps(length: float, width: float, widest: float) -> FloatArray:
    """Return increasing distances up to ``length``, the first ones by ``width``."""
    found = [0.0]
    while found[-1] < length and len(found) < _MOST_PANELS:
        beyond = max(0.0, found[-1] - 3.0 * width)
        found.append(found[-1] + min(width + 0.3 * beyond, widest))
    return np.array(found)


def _narrow(near: Groups, width: float) -> FloatArray:
    """Return ends of panels around entities whose noise is narrower than a panel."""
    deviation = np.sqrt(near.variance())
    some = deviation < width / 3.0
    if some.sum() > _MOST_NARROW:
        return np.zeros(0)
    return np.asarray(near.counts[some] + deviation[some] * _AROUND[:, None]).ravel()


def _usual(groups: Groups) -> float:
    """Return the median standard deviation of the entities that have noise."""
    deviation = np.repeat(np.sqrt(groups.variance()), groups.many.astype(int))
    return float(np.median(deviation[deviation > 0]))


def _plan(
    groups: Groups, span: Range, total: float, edges: FloatArray, grid: _Grid
) -> tuple[Inversion, list[Nodes]]:
    """Return the inversion and the frequencies of each panel."""
    far = groups.some(~span.near)
    # the sum is singular at 0, next to which C may lie
    finest = _usual(groups) if far.counts.size else min(_usual(groups), max(total, _CLOSEST))
    inversion = Inversion(
        near=groups.some(span.near),
        far=parts(far),
        gap=far.gap(total),
        total=total,
        last=grid.finest / finest,
    )
    gap = groups.gap(total)
    plan = []
    for low, high in itertools.pairwise(edges):
        most = groups.surplus(low, gap)
        without = float(np.where(span.near, groups.excess(high), 0.0).max())
        least = groups.surplus(high, gap) - without
        reach = max(abs(most), abs(least)) + span.slack
        plan.append(inversion.nodes(float(high), grid.widening * reach))
    return inversion, plan


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
