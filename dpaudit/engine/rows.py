"""A mechanism and its steps on entities with several counts each, laid out row after row."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from dpaudit.errors import SpecError
from dpaudit.interfaces import Mechanism, PostProcessor


def by_rows(mechanism: Mechanism, n: int, width: int, where: str) -> Mechanism:
    """Return a mechanism for ``n * width`` counts, row after row.

    What it has for each entity, (n,), holds for all counts of the entity; a list of ``width``
    columns holds one for each count.

    Raises
    ------
    SpecError
        If the mechanism works on people one by one, or on a tree.
    """
    if mechanism.takes == "records" or mechanism.measures == "hierarchy":
        what = "people one by one" if mechanism.takes == "records" else "counts of every level"
        raise SpecError(
            f"{where}: mechanism {mechanism.name!r} works on {what}, and the data have {width} "
            "counts of each entity",
            hint="name a mechanism that works count by count, or decide from one count",
        )
    found: dict[str, Any] = {}
    for field in attrs.fields(type(mechanism)):
        value = getattr(mechanism, field.name)
        if isinstance(value, np.ndarray) and value.shape == (n,):
            found[field.alias] = np.repeat(value, width)
        elif isinstance(value, tuple) and any(isinstance(each, np.ndarray) for each in value):
            if len(value) != width:
                raise SpecError(
                    f"{where}: {field.alias} names {len(value)} columns for {width} counts of each "
                    "entity",
                    hint="name one column for each count, in the order of the data",
                )
            found[field.alias] = np.stack(value, axis=1).ravel()
    return attrs.evolve(mechanism, **found) if found else mechanism


def refuse_mixing(steps: tuple[PostProcessor, ...], where: str) -> None:
    """Refuse steps that look at several counts: those of one entity count different things.

    Raises
    ------
    SpecError
        If there is one.
    """
    for step in steps:
        if not step.elementwise:
            raise SpecError(
                f"{where}: post-processor {step.name!r} looks at all counts together, and those "
                "of one entity count different things",
                hint="name steps that work count by count, such as non-negative or round",
            )
