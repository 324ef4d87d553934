"""What every kind of plug-in shares."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, get_args

import attrs

from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate

Kind = Literal["mechanism", "postprocessor", "decision", "learner", "attack", "audit", "mitigation"]
Kept = Literal["whole", "non-negative", "total", "additive"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@attrs.frozen(kw_only=True)
class Plugin:
    """What every plug-in has: a kind, a name and parameters.

    Attributes
    ----------
    foreign
        Whether it runs code from outside, wherever the plug-in itself comes from: then it runs
        in a worker process with a time limit.
    """

    kind: ClassVar[Kind]
    name: ClassVar[str]
    foreign: ClassVar[bool] = False

    def caveats(self) -> tuple[str, ...]:
        """Return what a reader of the report must know of it, as sentences without a full stop."""
        return ()

    def sources(self) -> tuple[Path, ...]:
        """Return the files that it reads: their content decides what the cache may give again."""
        return ()


ClosedForm: TypeAlias = FloatArray | Estimate | None
"""What a closed form returns: an exact array, a deterministic estimate, or nothing."""
