"""Privacy guarantees: what is protected, against whom, and how much is spent."""

from __future__ import annotations

from dpaudit.model.guarantee import Guarantee
from dpaudit.model.spec import Neighbours
from dpaudit.privacy.composition import from_rho, parallel, sequential

__all__ = ["Guarantee", "Neighbours", "from_rho", "parallel", "sequential"]
