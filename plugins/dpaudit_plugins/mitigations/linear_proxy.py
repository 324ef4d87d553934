"""Replacing a rule of yes or no by a linear classifier that learnt it from public counts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import attrs
import numpy as np
from scipy import special

import dpaudit
from dpaudit import FloatArray
from dpaudit_plugins.mitigations._changed import Changed, found
from dpaudit_plugins.mitigations._rules import says_yes_or_no

Method = Literal["logistic", "svm"]
Outcome = Literal["label", "score"]

_SURE = 40.0
"""The margin where a group has one answer: its logistic score is 0 or 1 in all digits."""

_ROUNDS = 100_000


@attrs.frozen(kw_only=True, eq=False)
class LinearClassifier(Changed):
    """Decide by the margin m = w x + b of every entity.

    Parameters
    ----------
    weights
        w, shape (n, k): equal within a subgroup.
    intercept
        b, shape (n,).
    method, outcome
        A label is 1 where m > 0. A score is 1 / (1 + exp(-m)) of a logistic regression, and
        (1 + m) / 2 held within [0, 1] of a support vector machine.
    """

    name: ClassVar[str] = "linear-classifier"
    vectorised: ClassVar[bool] = True
    bounded: ClassVar[bool] = True

    weights: FloatArray
    intercept: FloatArray
    method: Method
    outcome: Outcome

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the label or score of every entity, shape (..., n)."""
        return self._of_rows(counts[..., None])

    def caveats(self) -> tuple[str, ...]:
        """Return when there is nothing to gain."""
        said = (
            "a rule that compares one count with a number, or a share of two counts with a number, "
            "is linear already: a linear classifier finds it again and gains nothing"
        )
        return (said,)

    def _of_rows(self, rows: FloatArray) -> FloatArray:
        margin = (rows * self.weights).sum(axis=-1) + self.intercept
        if self.outcome == "label":
            return (margin > 0).astype(np.float64)
        if self.method == "svm":
            return np.clip((1.0 + margin) / 2.0, 0.0, 1.0)
        return np.asarray(special.expit(margin))


@attrs.frozen(kw_only=True, eq=False)
class LinearClassifierOfRows(LinearClassifier):
    """The same from rows of k counts."""

    rows: ClassVar[bool] = True

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the label or score of every entity, shape (..., n)."""
        return self._of_rows(counts)


@attrs.frozen(kw_only=True, eq=False)
class LinearProxy(dpaudit.Mitigation):
    """Learn a linear classifier of a rule from public counts, one for each subgroup.

    The rule labels the public counts, and a logistic regression or a linear support vector
    machine learns to tell the labels apart; noisy counts are then classified by it. Measured are
    its errors against the statute, noise and wrong lines together.

    A ratio rule is linear in its two counts already: its classifier recovers it and gains nothing.
    Heavily regularised scores move little with the noise, and so have almost no bias against
    what they would say without noise, but they say something else than the law. It can help where
    a rule has several conditions that one line in less noisy counts describes.

    Parameters
    ----------
    proxy
        Public columns of counts, one for each count of the data, in its order, such as those of an
        earlier release; none may be the true one.
    method
        ``logistic`` or ``svm``.
    outcome
        ``label`` (0 or 1) or ``score`` (between them).
    strength
        The inverse of the regularisation, positive.
    by
        A grouping, public: a classifier for each group.

    Raises
    ------
    SpecError
        If there are not as many columns as counts.
    UnavailableError
        If scikit-learn is not installed.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao (2021), Decision making with differential privacy under
    a fairness lens, IJCAI, section 6; METHODS-decisions 7.4.
    """

    name: ClassVar[str] = "linear-proxy"

    proxy: tuple[dpaudit.Column, ...]
    method: Method = "logistic"
    outcome: Outcome = "label"
    strength: float = attrs.field(default=100.0, validator=attrs.validators.gt(0.0))
    by: dpaudit.Column | None = None
    counts: dpaudit.GivenCounts = ()

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether the outcomes of the decision are 0 or 1."""
        return says_yes_or_no(subject, len(self.counts))

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with the classifier as its decision."""
        found(self, subject, self.applies(subject) or None)
        rule = subject.decision
        rows = self._proxies(subject.n, len(self.counts) if rule.rows else 1)
        labels = np.asarray(rule.decide(rows if rule.rows else rows[:, 0]))
        weights, intercept = np.zeros_like(rows), np.zeros(subject.n)
        for members in self._groups(subject.n):
            weights[members], intercept[members] = self._fitted(rows[members], labels[members])
        kind = LinearClassifierOfRows if rule.rows else LinearClassifier
        decision = kind(
            decision=rule,
            weights=weights,
            intercept=intercept,
            method=self.method,
            outcome=self.outcome,
        )
        return attrs.evolve(subject, decision=decision)

    def cost(self) -> str:
        """Return that the rule is another one."""
        return "a rule that is not the statute's and has to be learnt again"

    def _proxies(self, n: int, width: int) -> FloatArray:
        """Return the public counts, shape (n, k)."""
        if len(self.proxy) != width:
            raise dpaudit.SpecError(
                f"mitigation {self.name!r}: proxy names {len(self.proxy)} columns, and the "
                f"decision reads {width} of each entity",
                hint="name one column for each count, in the order of the data",
            )
        columns = [np.asarray(column) for column in self.proxy]
        wrong = [column for column in columns if column.dtype.kind not in "iuf"]
        if wrong:
            raise dpaudit.DataError(
                f"mitigation {self.name!r}: proxy has the value {wrong[0].tolist()[0]!r}, which "
                "is not a number",
                hint="name columns of counts",
            )
        return np.stack([np.broadcast_to(c, (n,)) for c in columns], axis=1).astype(np.float64)

    def _groups(self, n: int) -> Iterator[np.ndarray]:
        labels = np.zeros(n) if self.by is None else np.asarray(self.by)
        for label in np.unique(labels):
            yield np.flatnonzero(labels == label)

    def _fitted(self, rows: FloatArray, labels: FloatArray) -> tuple[FloatArray, float]:
        """Return w (k,) and b of one subgroup; one that has a single answer always gets it."""
        if np.ptp(labels) == 0:
            return np.zeros(rows.shape[1]), _SURE if labels[0] > 0 else -_SURE
        centre, spread = rows.mean(axis=0), rows.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        model = _trained(self._model(), (rows - centre) / spread, labels, self.strength)
        weights = model.coef_[0] / spread
        return weights, float(model.intercept_[0] - weights @ centre)

    def _model(self) -> Any:
        try:
            from sklearn.linear_model import LogisticRegression
            from sklearn.svm import LinearSVC
        except ImportError as error:
            raise dpaudit.UnavailableError(
                f"mitigation {self.name!r} needs scikit-learn: {error}",
                hint='pip install "dpaudit[learn]"',
            ) from error
        if self.method == "svm":
            return LinearSVC(C=self.strength, dual=False, max_iter=_ROUNDS)
        return LogisticRegression(C=self.strength, max_iter=_ROUNDS)


def _trained(model: Any, features: FloatArray, labels: FloatArray, strength: float) -> Any:
    """Return the fitted model.

    Raises
    ------
    UsageError
        If it finds no best line in 100,000 rounds.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return model.fit(features, labels)
        except ConvergenceWarning as warning:
            raise dpaudit.UsageError(
                f"mitigation 'linear-proxy': no classifier was found with strength {strength:g}",
                hint="choose a smaller strength",
            ) from warning


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (LinearProxy,)
