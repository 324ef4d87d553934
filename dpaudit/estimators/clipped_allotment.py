"""Exact bias and mean squared error of the allotment of clipped counts, by one integral.

With W_j = (x_j + X_j)^+ and D = sum_j a_j W_j, the shares P~_i = a_i W_i / D satisfy

    E[P~_i - P_i; D > 0]     = int_0^inf   Phi(s) (t_i - P_i T) ds
    E[(P~_i - P_i)^2; D > 0] = int_0^inf s Phi(s) ((t_i - P_i T)^2 + (1 - 2 P_i) w_i
                                                    + P_i^2 Omega) ds

where Phi = prod_j E e^{-s a_j W_j}, and t_j, w_j are mean and variance of a_j W_j under the
exponentially tilted law; T and Omega are their sums. The leading terms cancel inside the
bracket, so relative accuracy survives.

With s = u / E D, e^u Phi is nearly constant where D has little spread, and Gauss-Laguerre rules
of a few nodes are exact. Each is compared with the next finer one; where two do not agree, the
integral is done by panels that suit every decay rate.

References
----------
METHODS-decisions 6.2 (bias; derived for this project) and PERFORMANCE W1c (second moment).
"""

from __future__ import annotations

import functools
from typing import Self

import attrs
import numpy as np

from dpaudit.estimators.alike import Alike
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.near_zero import tilted

_DEFECT = 1e-11
"""The quadrature of P(D > 0) must meet its closed form this closely."""

_COMPLETE = 1e-13
"""Panels reach so far that no more than this is missed, if rounding lets them."""

_FAR = 1e14
"""The range of integration is not extended beyond this many mean decay lengths."""

_NIL = 1e-300
_ROUNDING = 4e-16
_RELATIVE = 1e-12

_PER_ENTITY = ("bias", "bias_error", "square", "square_error")

_ORDERS = (4, 8, 14, 24, 36)
"""Gauss-Laguerre rules that are tried, as long as D's relative deviation is no larger than:"""

_LAGUERRE_SPREAD = 0.3

_SHARP = 1e-9
"""Two rules agree where no biases differ by more than this share of their range, and no squares
by more than this share of themselves."""

_CHUNK = 2**14
"""Largest number of (node, entity) pairs that are evaluated at once: what a cache holds."""

_NODES = 64

_MOST = 2**19
"""Largest number of such pairs whose means and variances are kept."""


@attrs.frozen(kw_only=True, eq=False)
class ClippedAllotment:
    """Exact moments of shares, all of shape (n,) but ``defect`` and ``empty``.

    Parameters
    ----------
    bias, bias_error
        E P~ - P and a bound of its numerical error.
    square, square_error
        E (P~ - P)^2 and a bound of its numerical error.
    defect
        Distance between the same quadrature of P(D > 0) and its closed form.
    empty
        P(D = 0): then shares are proportional to the weights.
    """

    bias: FloatArray
    bias_error: FloatArray
    square: FloatArray
    square_error: FloatArray
    defect: float
    empty: float


def clipped_allotment(counts: FloatArray, weights: FloatArray, noise: Noise) -> ClippedAllotment:
    """Return the exact bias and mean squared error of shares of clipped counts.

    Parameters
    ----------
    counts
        True counts x, shape (n,), persons, not all zero.
    weights
        a, shape (n,), positive.
    noise
        Independent noise X of every count.
    """
    alike = Alike.of(counts, weights, noise)
    if alike.first.size == counts.size:
        return _solved(_Problem.of(counts, weights, np.ones_like(counts), noise))
    first = alike.first
    found = _solved(_Problem.of(counts[first], weights[first], alike.times, noise.at(first)))
    return attrs.evolve(found, **{name: getattr(found, name)[alike.kind] for name in _PER_ENTITY})


@attrs.frozen(kw_only=True, eq=False)
class _Problem:
    """Entities that differ, with shares, sum a x, E D and P(D = 0); ``times`` counts the alike."""

    counts: FloatArray
    weights: FloatArray
    times: FloatArray
    noise: Noise
    shares: FloatArray
    total: float
    expected: float
    empty: float

    @classmethod
    def of(cls, counts: FloatArray, weights: FloatArray, times: FloatArray, noise: Noise) -> Self:
        empty = np.log(np.maximum(noise.cdf(-counts), 1e-300))
        return cls(
            counts=counts,
            weights=weights,
            times=times,
            noise=noise,
            shares=weights * counts / (times * weights * counts).sum(),
            total=float((times * weights * counts).sum()),
            expected=float((times * weights * (counts + noise.excess(-counts))).sum()),
            empty=float(np.exp((times * empty).sum())),
        )

    @property
    def spread(self) -> float:
        """Standard deviation of sum_j a_j X_j over E D."""
        variance = (self.times * self.weights**2 * self.noise.variance).sum()
        return float(np.sqrt(variance) / self.expected)

    def changed(self, s: FloatArray, *, damped: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log Phi, shape (m,), and mean and variance of a W, shape (m, n).

        The means are those of the laws tilted by exp(-s a W), ``s`` of shape (m,). ``damped``
        gives log Phi + s E D, which is near 0, and a (W - x) in place of a W: more accurate where
        s E D is no more than some hundreds, and of no use where it is far more.
        """
        n, value = self.counts.size, np.zeros(s.size)
        mean, variance = np.empty((2, s.size, n))
        block = max(1, _CHUNK // s.size)
        for start in range(0, n, block):
            part = slice(start, start + block)
            noise = self.noise if block >= n else self.noise.at(np.arange(n)[part])
            counts, weights = self.counts[part], self.weights[part]
            if damped:
                found = noise.clipped_change(counts, s[:, None] * weights)
            else:
                phi, psi, chi = noise.clipped_transform(counts, s[:, None] * weights)
                found = tilted(np.maximum(phi, _NIL), psi, chi)
            value += _summed(found[0], self.times[part])
            np.multiply(found[1], weights, out=mean[:, part])
            np.multiply(found[2], weights**2, out=variance[:, part])
        return value + s * (self.expected - self.total) if damped else value, mean, variance

    def defect(self, rule: _Rule) -> float:
        """Distance between a rule's P(D > 0) and its closed form."""
        return abs(rule.mass - (1.0 - self.empty))


@attrs.frozen(kw_only=True, eq=False)
class _Rule:
    """The integrals of bias, square and P(D > 0) by one rule."""

    bias: FloatArray
    square: FloatArray
    mass: float


def _solved(problem: _Problem) -> ClippedAllotment:
    """Solve for entities that differ."""
    coarse, fine = _by_laguerre(problem) or _by_panels(problem)
    empty, shares, defect = problem.empty, problem.shares, problem.defect(fine)
    fallback = problem.weights / (problem.times * problem.weights).sum() - shares
    farthest = np.maximum(shares, 1.0 - shares)  # how far a share can be from the truth
    bias = fine.bias + empty * fallback
    square = fine.square + empty * fallback**2
    return ClippedAllotment(
        bias=bias,
        bias_error=np.abs(fine.bias - coarse.bias)
        + defect * farthest
        + _ROUNDING * (shares + np.abs(bias)),
        square=square,
        square_error=np.abs(fine.square - coarse.square)
        + defect * farthest**2
        + _RELATIVE * square
        + _ROUNDING * shares**2,
        defect=defect,
        empty=empty,
    )


def _by_laguerre(problem: _Problem) -> tuple[_Rule, _Rule] | None:
    """Return two rules that agree, the second the finer one, or ``None`` where none do."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not problem.spread <= _LAGUERRE_SPREAD:
            return None
    coarse = None
    for order in _ORDERS:
        fine = _integrate(problem, *_laguerre(order), damped=True)
        if coarse is not None and problem.defect(fine) < _DEFECT and _agree(coarse, fine):
            return coarse, fine
        coarse = fine
    return None


def _agree(coarse: _Rule, fine: _Rule) -> bool:
    gap = float(np.max(np.abs(fine.bias - coarse.bias)))
    same = np.abs(fine.square - coarse.square) <= _SHARP * fine.square
    return gap <= _SHARP * float(np.ptp(fine.bias)) and bool(same.all())


def _by_panels(problem: _Problem) -> tuple[_Rule, _Rule]:
    """Return two rules on panels that reach so far that no probability is missed.

    The finer one reaches farther: squares are missed a little longer than probability.
    """
    last = 60.0
    while True:
        coarse = _integrate(problem, *_panels(10, last))
        if problem.defect(coarse) < _COMPLETE or last > _FAR:
            return coarse, _integrate(problem, *_panels(16, 100.0 * last))
        last *= 100.0


def _integrate(
    problem: _Problem, nodes: FloatArray, weights: FloatArray, *, damped: bool = False
) -> _Rule:
    """Integrate over s = u / E D by a rule in u; a ``damped`` one has e^{-u} in its weights."""
    sums = _Sums.zero(problem)
    rows = max(1, min(_NODES, _MOST // problem.counts.size))
    for start in range(0, nodes.size, rows):
        part = slice(start, start + rows)
        sums.add(problem, nodes[part], weights[part], damped=damped)
    return sums.rule(problem)


@attrs.define(kw_only=True, eq=False)
class _Sums:
    """Sums over the nodes so far: of gaps, their squares, variances, P(D > 0) and Omega."""

    gaps: FloatArray
    squares: FloatArray
    variances: FloatArray
    mass: float
    omega: float

    @classmethod
    def zero(cls, problem: _Problem) -> Self:
        """Return nothing, for every entity."""
        gaps, squares, variances = np.zeros((3, problem.counts.size))
        return cls(gaps=gaps, squares=squares, variances=variances, mass=0.0, omega=0.0)

    def add(
        self, problem: _Problem, nodes: FloatArray, node_weights: FloatArray, *, damped: bool
    ) -> None:
        """Add some nodes.

        With a_i x_i = P_i sum_j a_j x_j, t_i - P_i T is the same for changes of counts as for
        the counts themselves, and nothing large cancels in it.
        """
        s = nodes / problem.expected
        value, mean, variance = problem.changed(s, damped=damped)
        with np.errstate(under="ignore"):
            product = np.exp(value) * node_weights / problem.expected
        change = _summed(mean, problem.times)
        self.mass += float(product @ (change + problem.total if damped else change))
        mean -= np.multiply.outer(change, problem.shares)
        self.gaps += _combined(product, mean)
        product *= s
        self.squares += _combined(product, np.square(mean, out=mean))
        self.variances += _combined(product, variance)
        self.omega += float(product @ _summed(variance, problem.times))

    def rule(self, problem: _Problem) -> _Rule:
        """Return the integrals."""
        shares = problem.shares
        square = self.squares + (1.0 - 2.0 * shares) * self.variances + shares**2 * self.omega
        return _Rule(bias=self.gaps, square=square, mass=self.mass)


def _summed(matrix: FloatArray, times: FloatArray) -> FloatArray:
    """Return ``matrix @ times`` without the library's threads, which cost more than they save."""
    return np.asarray(np.einsum("mn,n->m", matrix, times))


def _combined(row: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return ``row @ matrix`` without the library's threads."""
    return np.asarray(np.einsum("m,mn->n", row, matrix))


@functools.cache
def _laguerre(order: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights for integrals of functions that fall off like e^-u."""
    return np.polynomial.laguerre.laggauss(order)


@functools.cache
def _panels(order: int, last: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of Gauss-Legendre panels from 0 to ``last``."""
    edges = np.concatenate([[0.0], np.logspace(-8, 0, 33), np.linspace(1.0, 60.0, 40)[1:]])
    if last > edges[-1]:
        panels = 8 * int(np.ceil(np.log10(last / edges[-1])))
        tail = np.logspace(np.log10(edges[-1]), np.log10(last), panels + 1)
        edges = np.concatenate([edges, tail[1:]])
    points, weights = np.polynomial.legendre.leggauss(order)
    half = np.diff(edges) / 2.0
    centre = (edges[1:] + edges[:-1]) / 2.0
    nodes = (centre[:, None] + half[:, None] * points).ravel()
    return nodes, (half[:, None] * weights).ravel()
