"""Attacks score candidates."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import attrs
import numpy as np

from dpaudit.interfaces.base import Kind, Plugin
from dpaudit.model.arrays import FloatArray


@attrs.frozen(kw_only=True)
class Attack(Plugin):
    """Scores candidates against a release or a model."""

    kind: ClassVar[Kind] = "attack"

    @abc.abstractmethod
    def score(self, target: Any, rng: np.random.Generator) -> FloatArray:
        """Return one score per candidate; higher means more likely a member."""
