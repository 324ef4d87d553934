"""A net whose smallest weights are removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.learners._pruning import Prunes


@attrs.frozen(kw_only=True)
class Pruned(Prunes):
    """Train a net, remove its smallest weights, and train on what is left where that is asked for.

    The weights of all layers together or of each layer by itself; biases stay. The unpruned net of
    the same start and the same order of records is what it is compared with.
    """

    name: ClassVar[str] = "pruned"


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (Pruned,)
