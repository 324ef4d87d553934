"""Sets of what a post-processor leaves as it is, by the names of the interface."""

from __future__ import annotations

from typing import Literal, TypeAlias

Kept: TypeAlias = frozenset[Literal["whole", "total", "additive"]]

ADDITIVE: Kept = frozenset({"additive"})
WHOLE: Kept = frozenset({"whole"})
WHOLE_AND_TOTAL: Kept = frozenset({"whole", "total"})
