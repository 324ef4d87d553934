"""Softmax regression without privacy: the exact minimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.learners._exact import Exact


@attrs.frozen(kw_only=True)
class Softmax(Exact):
    """Fit softmax regression of any number of classes exactly, with no protection.

    The minimiser of mean loss + (penalty/2) ||theta||^2; the bias is the constant column and is
    penalised as all parameters are.

    Parameters
    ----------
    penalty
        lambda. That of scikit-learn is 1/(n C), and its intercept is not penalised.
    """

    name: ClassVar[str] = "softmax"
    form: ClassVar = "softmax"


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (Softmax,)
