"""Learners fit models."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import attrs
import numpy as np

from dpaudit.interfaces.base import Kind, Plugin
from dpaudit.model.dataset import Dataset


@attrs.frozen(kw_only=True)
class Learner(Plugin):
    """Fits a model."""

    kind: ClassVar[Kind] = "learner"

    @abc.abstractmethod
    def fit(self, data: Dataset, rng: np.random.Generator) -> Any:
        """Return a fitted model with per-sample loss and prediction."""
