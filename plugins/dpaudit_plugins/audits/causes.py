"""Why private training hurts some groups more: effects that add up, and what goes with them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.stats.proportions import clopper_pearson
from dpaudit.training.clipping import boundary_closeness, boundary_distance, clip_factors
from dpaudit.training.group_estimates import of_runs
from dpaudit.training.linear_models import LogisticLoss
from dpaudit.training.models import Model, group_gradients
from dpaudit.training.output_perturbation import predicted_excess, trusted
from dpaudit.training.records import Records
from dpaudit.training.runs import Arm, ModelRuns
from dpaudit_plugins.audits._excess import Excess, excess_of, group_rows

_RESAMPLED = 400
_LARGEST = 400
"""Parameters up to which the terms of one step are worked out: they need whole Hessians."""

_ROUNDING = 1e-9
_LEAST_GROUPS = 3
_ALL_ORDERS = 7
_ORDERS = 10_000
ALONG = {"start": 0.0, "one-quarter": 0.25, "half": 0.5, "three-quarters": 0.75, "last": 1.0}
"""The shares of its steps after which a private run is looked at."""

EFFECTS = ("under-training", "clip-effect", "noise-effect", "interaction")


@attrs.frozen(kw_only=True)
class Causes(dpaudit.Audit):
    """Attribute the excess risk of each group to clipping and noise, and measure what goes with it.

    **Effects that add up.** Four ways to train on the same random numbers (clipping on or off,
    noise on or off): clip effect + noise effect + interaction = loss of the private model minus
    that of training without protection. Where the reference is the exact minimiser,
    ``under-training`` is what unprotected training lacks. Their sum is the excess risk.

    **Predictions.** Theorem 1 (half the noise variance times the trace of the group's Hessian),
    with the share of groups for which it may be trusted; Theorem 2 with the division by the batch
    that its statement omits, for one step at the start, after each quarter of private runs and at
    the reference: it attributes a step, and does not add up over a training.

    **What goes with it.** Of each group at the reference: Hessian trace, mean gradient norm, norm
    of the mean gradient, mean squared input norm, closeness and (one logit) distance to the
    boundary, size; with clipping the share clipped and the lost mass E[(1 - c) ||g||]. With three
    groups or more their rank correlations with the excess risk, and how often the largest of them
    would be as large by chance. These go together with one another, so a correlation is no proof
    of a cause.

    Parameters
    ----------
    replicates
        How many of the reference's runs the diagnostics are averaged over, and how many private
        runs are followed for Theorem 2.

    References
    ----------
    Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
    fairness lens, NeurIPS, Theorems 1 and 2.
    """

    name: ClassVar[str] = "causes"
    of: ClassVar = "learners"
    arms: ClassVar[frozenset[Arm]] = frozenset(
        {"made", "twin", "noiseless", "unclipped", "unclipped-twin", "plain"}
    )

    replicates: int = attrs.field(default=8, validator=attrs.validators.ge(1))

    def measure(
        self, subject: dpaudit.LearnerSubject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return effects, predictions, diagnostics and correlations on the people learnt from."""
        excess = excess_of(subject, "train")
        found = [*self._effects(subject)]
        found += self._step_terms(subject, rng)
        diagnostics = dict(self._diagnostics(subject))
        found += [
            self._made(subject, name, dpaudit.Estimate.exact(value), unit=_UNITS[name])
            for name, value in diagnostics.items()
        ]
        found += self._predictions(subject)
        if len(subject.data.names) >= _LEAST_GROUPS:
            found += self._correlations(subject, diagnostics, excess, rng)
        return found

    def _made(
        self, subject: dpaudit.LearnerSubject, quantity: str, estimate: dpaudit.Estimate, *,
        unit: str = "",
    ) -> dpaudit.Measurement:  # fmt: skip
        grouped = bool(estimate.value.ndim)
        return dpaudit.Measurement(
            task=subject.task,
            audit=self.name,
            quantity=quantity,
            unit=unit or subject.unit,
            over=subject.data.group if grouped else "total",
            labels=subject.data.names if grouped else (),
            estimate=estimate,
        )

    def _effects(self, subject: dpaudit.LearnerSubject) -> Iterator[dpaudit.Measurement]:
        """Yield the parts of the excess risk, group by group, where all four arms are there."""
        if not {"made", "noiseless", "unclipped", "plain"} <= set(subject.arms):
            return
        rows = {arm: group_rows(subject.runs(arm), "train") for arm in subject.arms}
        private = _paired(rows["made"], rows.get("twin"))
        noise = _paired(rows["unclipped"], rows.get("unclipped-twin")) - rows["plain"]
        clip = rows["noiseless"] - rows["plain"]
        parts = {
            "clip-effect": clip,
            "noise-effect": noise,
            "interaction": private - rows["plain"] - clip - noise,
        }
        if subject.reference == "optimum":
            parts["under-training"] = rows["plain"] - group_rows(subject.reference_runs(), "train")
        for name in EFFECTS:
            if name in parts:
                yield self._made(subject, name, of_runs(parts[name], subject.confidence))

    def _predictions(self, subject: dpaudit.LearnerSubject) -> Iterator[dpaudit.Measurement]:
        """Yield Theorem 1 beside where it may be trusted."""
        scale = subject.learner.parameter_noise(subject.data)
        model, theta = subject.learner.model(subject.data), subject.learner.optimum(subject.data)
        if scale is None or model is None or theta is None or subject.reference != "optimum":
            return
        records = subject.data.train
        found = predicted_excess(model, theta, records, scale)
        yield self._made(
            subject, "theorem-1", dpaudit.Estimate.exact(found.groups, method="asymptotic")
        )
        share = trusted(records, scale).astype(np.float64)
        yield self._made(subject, "theorem-1-trusted", dpaudit.Estimate.exact(share), unit="share")

    def _step_terms(
        self, subject: dpaudit.LearnerSubject, rng: np.random.Generator
    ) -> Iterator[dpaudit.Measurement]:
        """Yield Theorem 2 of single steps: along private runs, and at the reference."""
        learner, data = subject.learner, subject.data
        private, model = learner.private_step(data), learner.model(data)
        if private is None or model is None or model.size > _LARGEST:
            return
        steps = [round(share * private.steps) for share in ALONG.values()]
        seed = int(rng.integers(2**62))
        paths = learner.path(data, range(self.replicates), seed, steps)
        places = dict(zip(ALONG, () if paths is None else paths, strict=False))
        reference = subject.reference_runs()
        if isinstance(reference, ModelRuns):
            places["end"] = reference.parameters[: self.replicates]
        for where, thetas in places.items():
            chosen = thetas if thetas.any() else thetas[:1]  # all runs start from zero
            terms = [private.terms(model, theta, data.train) for theta in chosen]
            for name in ("nonprivate", "clip", "noise"):
                rows = np.stack([getattr(each, name) for each in terms])
                estimate = of_runs(rows, subject.confidence)
                if len(rows) == 1:
                    estimate = dpaudit.Estimate.exact(rows[0], method="asymptotic")
                yield self._made(subject, f"theorem-2-{name}-at-{where}", estimate)

    def _diagnostics(self, subject: dpaudit.LearnerSubject) -> Iterator[tuple[str, FloatArray]]:
        records = subject.data.train
        yield "group-size", records.sizes.astype(np.float64)
        yield "squared-input-norm", records.means(records.squared_norms)
        reference = subject.reference_runs()
        if not isinstance(reference, ModelRuns):
            return
        thetas = reference.parameters[: self.replicates]
        private = subject.learner.private_step(subject.data)
        bound = None if private is None else private.clip_norm
        parts = [dict(_at(reference.model, theta, records, bound)) for theta in thetas]
        for name in parts[0]:
            yield name, np.mean([part[name] for part in parts], axis=0)

    def _correlations(
        self,
        subject: dpaudit.LearnerSubject,
        diagnostics: Mapping[str, FloatArray],
        excess: Excess,
        rng: np.random.Generator,
    ) -> Iterator[dpaudit.Measurement]:
        """Yield Spearman's correlations of diagnostics with the excess risk, and what chance does.

        Their intervals are of the runs. That the largest of several correlations over few groups
        is large means little, so the other number is how often the largest of all would be as
        large if the excess risks belonged to the groups in any other order.
        """
        kept = {name: value for name, value in diagnostics.items() if _differs(value)}
        causes = np.stack([_ranks(value) for value in kept.values()])
        rows = excess.rows
        value = _correlated(causes, rows.mean(axis=0)[None])[0]
        estimate = dpaudit.Estimate.exact(value)
        if len(rows) > 1:
            picked = rng.integers(0, len(rows), (_RESAMPLED, len(rows)))
            means = np.stack([rows[chosen].mean(axis=0) for chosen in picked])
            again = _correlated(causes, means)
            tail = 0.5 * (1.0 - subject.confidence)
            low, high = np.quantile(again, [tail, 1.0 - tail], axis=0)
            estimate = dpaudit.Estimate(
                value=value, low=np.minimum(low, value), high=np.maximum(high, value),
                level=subject.confidence, method="simulated", draws=len(rows),
            )  # fmt: skip
        yield dpaudit.Measurement(
            task=subject.task,
            audit=self.name,
            quantity="rank-correlation",
            unit="correlation",
            over="cause",
            labels=tuple(kept),
            estimate=estimate,
        )
        chance = largest_by_chance(causes, rows.mean(axis=0), subject.confidence, rng)
        yield self._made(subject, "rank-correlation-by-chance", chance, unit="probability")


_UNITS = {
    "group-size": "records",
    "squared-input-norm": "squared norm",
    "hessian-trace": "trace",
    "gradient-norm": "gradient norm",
    "mean-gradient-norm": "gradient norm",
    "boundary-closeness": "closeness",
    "boundary-distance": "distance",
    "share-clipped": "share",
    "lost-mass": "gradient norm",
}


def _at(
    model: Model, theta: FloatArray, records: Records, bound: float | None
) -> Iterator[tuple[str, FloatArray]]:
    """Yield what each group has at ``theta``."""
    x, y = records.inputs, records.labels
    norms = model.gradient_norms(theta, x, y)
    yield "hessian-trace", records.means(model.traces(theta, x, y))
    yield "gradient-norm", records.means(norms)
    if model.size <= _LARGEST:
        of_mean = np.linalg.norm(group_gradients(model, theta, records), axis=1)
        yield "mean-gradient-norm", of_mean
    chances = model.chances(theta, x)
    if chances is not None:
        yield "boundary-closeness", records.means(boundary_closeness(chances))
    if isinstance(model, LogisticLoss) and np.any(theta):
        yield "boundary-distance", records.means(boundary_distance(theta, x))
    if bound is not None:
        factors = clip_factors(norms, bound)
        yield "share-clipped", records.means((factors < 1.0).astype(np.float64))
        yield "lost-mass", records.means((1.0 - factors) * norms)


def _paired(rows: FloatArray, twins: FloatArray | None) -> FloatArray:
    """Return the mean of runs and their antithetic twins, where there are any."""
    return rows if twins is None else 0.5 * (rows + twins)


def _differs(values: FloatArray) -> bool:
    return bool(np.ptp(values) > _ROUNDING * np.abs(values).max())


def _ranks(values: FloatArray) -> FloatArray:
    """Return ranks, the mean rank where values are equal."""
    order = np.sort(values)
    left, right = np.searchsorted(order, values), np.searchsorted(order, values, side="right")
    return np.asarray(0.5 * (left + right))


def _correlated(causes: FloatArray, rows: FloatArray) -> FloatArray:
    """Return the correlation of ranked causes (k, A) with the ranks of rows (r, A), (r, k)."""
    return _aligned(causes, np.stack([_ranks(row) for row in rows]))


def _aligned(causes: FloatArray, ranked: FloatArray) -> FloatArray:
    """Return the correlation of ranked causes (k, A) with ranked rows (r, A), shape (r, k)."""
    left = causes - causes.mean(axis=1, keepdims=True)
    right = ranked - ranked.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(right, axis=1)[:, None] * np.linalg.norm(left, axis=1)[None]
    products = right @ left.T
    return np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)


def largest_by_chance(
    causes: FloatArray, risks: FloatArray, level: float, rng: np.random.Generator
) -> dpaudit.Estimate:
    """Return how often the largest of the correlations would be as large in another order.

    Parameters
    ----------
    causes
        Ranks of every property over the groups, shape (k, A).
    risks
        Of the groups, shape (A,).

    Notes
    -----
    Westfall and Young (1993), Resampling-based multiple testing: the maximum over properties
    pays for their number. Every order of up to 7 groups is tried, else so many that are drawn.
    """
    ranks = _ranks(risks)
    own = np.abs(_aligned(causes, ranks[None])).max()
    groups = len(risks)
    if groups <= _ALL_ORDERS:
        orders = np.array(list(itertools.permutations(range(groups))))
    else:
        orders = rng.permuted(np.tile(np.arange(groups), (_ORDERS, 1)), axis=1)
    largest = np.abs(_aligned(causes, ranks[orders])).max(axis=1)
    hits = int(np.count_nonzero(largest >= own - _ROUNDING))
    if groups <= _ALL_ORDERS:
        return dpaudit.Estimate.exact(hits / len(orders))
    value = (hits + 1.0) / (len(orders) + 1.0)  # the order that was found is one of them
    low, high = clopper_pearson(np.array(hits), len(orders), 0.5 * (1.0 - level))
    return dpaudit.Estimate(
        value=value, low=min(float(low), value), high=max(float(high), value), level=level,
        method="simulated", draws=len(orders),
    )  # fmt: skip


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Causes,)
