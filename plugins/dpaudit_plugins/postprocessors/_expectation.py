"""E f(x + X) for one function of one noisy count, by sums and by quadrature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.gaussian import Gaussian

Function = Callable[[FloatArray], FloatArray]

_REACH = 10.0  # standard deviations of Gaussian noise; beyond lies 1e-23
_PANELS = 16
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_NEGLIGIBLE = 1e-18
_CHEAP = 20_000_000
_BLOCK = 1 << 16


def expectation(
    function: Function, counts: FloatArray, noise: dpaudit.Noise, *, lowest: float = -np.inf
) -> dpaudit.Estimate | None:
    """Return E [f(x + X); x + X > lowest], shape (n,), with its numerical error.

    Parameters
    ----------
    function
        Smooth above ``lowest``, at most linear in size.
    counts
        x, shape (n,); whole for whole-number noise.
    noise
        X: Gaussian, or whole-number noise. Others, and sums that would take long, give ``None``.
    """
    if isinstance(noise, Gaussian) and np.all(noise.sigma > 0):
        return _quadrature(function, counts, noise, lowest)
    if noise.lattice and bool((counts == np.rint(counts)).all()):
        return _sum(function, counts, noise, lowest)
    return None


def _quadrature(
    function: Function, counts: FloatArray, noise: Gaussian, lowest: float
) -> dpaudit.Estimate:
    """Integrate by Gauss-Legendre panels; the error is what halving the panels changes."""
    fine, size = _panels(function, counts, noise, lowest, _PANELS)
    coarse, _ = _panels(function, counts, noise, lowest, _PANELS // 2)
    error = np.abs(fine - coarse) + 1e-14 * size
    return dpaudit.Estimate.exact(fine, error=error, method="quadrature")


def _panels(
    function: Function, counts: FloatArray, noise: Gaussian, lowest: float, panels: int
) -> tuple[FloatArray, FloatArray]:
    """Return the integral of f times the density, and of their size."""
    sigma = np.broadcast_to(noise.sigma, counts.shape)
    start = np.maximum(counts - _REACH * sigma, lowest)
    width = (counts + _REACH * sigma - start) / panels
    total, size = np.zeros(counts.shape), np.zeros(counts.shape)
    for panel in range(panels):
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            at = start + width * (panel + 0.5 * (1.0 + node))
            mass = np.exp(-0.5 * np.square((at - counts) / sigma)) / (np.sqrt(2.0 * np.pi) * sigma)
            term = 0.5 * width * weight * mass * function(at)
            total += term
            size += np.abs(term)
    return total, size


def _sum(
    function: Function, counts: FloatArray, noise: dpaudit.Noise, lowest: float
) -> dpaudit.Estimate | None:
    """Sum over the whole numbers that carry all but a negligible part of the noise."""
    reach = _reach(noise)
    if reach is None or (2 * reach + 1) * counts.size > _CHEAP:
        return None
    total, size = np.zeros(counts.shape), np.zeros(counts.shape)
    rows = max(1, _BLOCK // counts.size)
    for first in range(-reach, reach + 1, rows):
        steps = np.arange(first, min(first + rows, reach + 1), dtype=np.float64)[:, None]
        outside = np.broadcast_to(-np.abs(steps), (steps.size, counts.size))
        mass = noise.cdf(outside) - noise.cdf(outside - 1.0)
        at = counts + steps
        term = np.where(at > lowest, mass * function(at), 0.0)
        total += term.sum(axis=0)
        size += np.abs(term).sum(axis=0)
    return dpaudit.Estimate.exact(total, error=1e-13 * size, method="quadrature")


def _reach(noise: dpaudit.Noise) -> int | None:
    """Return a whole number beyond which symmetric noise lies with probability below 1e-18."""
    if not noise.symmetric:
        return None
    reach = 1
    while np.any(noise.cdf(np.asarray(-float(reach))) > _NEGLIGIBLE):
        reach *= 2
        if reach > _CHEAP:
            return None
    return reach
