"""What fills a plug-in's parameters beside the audit file: columns, totals, what is public."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import attrs

from dpaudit.model.arrays import ColumnArray
from dpaudit.model.domain import Domain
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.noise.base import Noise


@attrs.frozen
class FromData:
    """Marks a parameter that the engine fills in.

    A ``column`` is named by the audit file, and so are ``rules``, the names of other decisions;
    a ``total`` may be given there. The names of the ``counts`` of each entity, the public
    ``domain`` and ``hierarchy`` of the data, the ``noise`` that a step sees in its release and
    the ``folder`` of the audit file are always given by the engine: an audit file cannot set
    them.
    """

    what: Literal["column", "total", "rules", "counts", "domain", "hierarchy", "noise", "folder"]


class DecisionName(str):
    """A decision that a parameter names and that is not made yet."""

    __slots__ = ()


class ColumnName(str):
    """A column that a parameter names and that is not bound to data yet."""

    __slots__ = ()


Column: TypeAlias = Annotated[ColumnArray, FromData("column")]
"""A parameter that is a column name in the audit file and an array (n,) to the plug-in."""

Total: TypeAlias = Annotated[float, FromData("total")]
"""A parameter that is a number, or (when left out) the exact total of the true values."""


Rules: TypeAlias = Annotated[tuple[Any, ...], FromData("rules")]
"""A parameter that is a list of names of decisions in the audit file, and of decisions itself.

Each takes rows of counts, shape (..., n, k), whatever the decision of that name takes.
"""

GivenCounts: TypeAlias = Annotated[tuple[str, ...], FromData("counts")]
"""A parameter that the engine fills with the names of the k counts of each entity."""

GivenFolder: TypeAlias = Annotated[Path | None, FromData("folder")]
"""A parameter that the engine fills with the audit file's folder, for files beside it."""

GivenDomain: TypeAlias = Annotated[Domain | None, FromData("domain")]
"""A parameter that the engine fills with the public table over the entities."""

GivenHierarchy: TypeAlias = Annotated[Hierarchy | None, FromData("hierarchy")]
"""A parameter that the engine fills with the tree over the entities, if there is one."""

GivenNoise: TypeAlias = Annotated[Noise | None, FromData("noise")]
"""A parameter that the engine fills with the (public) noise of what a post-processor sees.

``None`` where the noise is not additive and independent, or no longer after earlier steps.
"""
