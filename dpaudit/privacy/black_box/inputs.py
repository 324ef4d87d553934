"""Pairs of neighbouring inputs on which a mechanism is tried.

A claim is about all pairs; an audit sees a few. These are the shapes on which mechanisms have been
found broken, around small and large values and around the user's own data.

References
----------
Ding, Wang, Wang, Zhang and Kifer (2018), Detecting violations of differential privacy, CCS, table
2 (the patterns of lists of queries). Bichsel, Steffen, Bogunovic and Vechev (2021), DP-Sniper:
black-box discovery of differential privacy violations using classifiers, IEEE S&P, section V.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray, frozen_floats

Relation = Literal["add-remove", "replace", "queries"]
"""Who are neighbours: counts of one person more, of one who moved, or answers that each differ by 1
at most."""

LEVELS = (0.0, 1.0, 9.0, 99.0)
"""Counts that one person more is added to: beside 0, 1, and where cells are often suppressed."""


@attrs.frozen(kw_only=True)
class InputPair:
    """Two neighbouring inputs.

    Parameters
    ----------
    name
        How a report calls it.
    ours, theirs
        Shape (d,).

    Raises
    ------
    UsageError
        If they are no vectors of one length.
    """

    name: str
    ours: FloatArray = attrs.field(converter=frozen_floats, eq=attrs.cmp_using(np.array_equal))
    theirs: FloatArray = attrs.field(converter=frozen_floats, eq=attrs.cmp_using(np.array_equal))

    def __attrs_post_init__(self) -> None:
        if self.ours.ndim != 1 or self.ours.shape != self.theirs.shape or not self.ours.size:
            raise UsageError(
                f"inputs {self.name!r} of shapes {self.ours.shape} and {self.theirs.shape}",
                hint="give two vectors of one length",
            )
        if not np.isfinite([self.ours, self.theirs]).all():
            raise UsageError(
                f"inputs {self.name!r} hold values that are not finite", hint="give numbers"
            )


def generated(
    size: int,
    relation: Relation,
    *,
    cells: int = 1,
    data: FloatArray | None = None,
) -> tuple[InputPair, ...]:
    """Return pairs of inputs to try.

    Parameters
    ----------
    size
        Length of an input, at least 1.
    relation
        Who are neighbours.
    cells
        Counts that one person enters.
    data
        The user's own input, shape (size,): it is tried as well, with one person more in its
        smallest and in its largest count.

    Raises
    ------
    UsageError
        If ``size`` or ``cells`` is below 1, nobody can move among so few counts, or ``data`` have
        another length.

    Examples
    --------
    >>> [pair.name for pair in generated(2, "add-remove")]
    ['one more at 0', 'one more at 1', 'one more at 9', 'one more at 99']
    >>> len(generated(5, "queries"))
    7
    """
    _check(size, relation, cells, data)
    if relation == "queries":
        pairs = _queries(size)
    else:
        pairs = [_moved(np.full(size, c), 0, relation, cells, f"at {c:g}") for c in LEVELS]
    if data is not None:
        pairs += _around(np.asarray(data, dtype=np.float64), relation, cells)
    seen: dict[bytes, InputPair] = {}
    for pair in pairs:
        seen.setdefault(pair.ours.tobytes() + pair.theirs.tobytes(), pair)
    return tuple(seen.values())


def _check(size: int, relation: Relation, cells: int, data: FloatArray | None) -> None:
    if size < 1 or not 1 <= cells <= size:
        raise UsageError(
            f"inputs of length {size!r} of which a person enters {cells!r}",
            hint="give a length of 1 or more, and no more counts of a person than there are",
        )
    if relation == "replace" and size < 2 * cells:
        raise UsageError(
            f"nobody can move {cells} of {size} counts", hint="give an input twice as long"
        )
    if data is not None and np.shape(data) != (size,):
        raise UsageError(
            f"data of shape {np.shape(data)} for inputs of length {size}",
            hint="give one number for each entry of an input",
        )


def _queries(size: int) -> list[InputPair]:
    """Return the patterns of lists of answers, each of which moves by one at most."""
    zero, one = np.zeros(size), np.ones(size)
    first = np.r_[1.0, np.zeros(size - 1)]
    half = (np.arange(size) < (size + 1) // 2).astype(np.float64)
    shapes: Sequence[tuple[str, FloatArray, FloatArray]] = (
        ("one above", zero, first),
        ("one below", zero, -first),
        ("one above, the rest below", one, 2.0 * first),
        ("one below, the rest above", zero, one - 2.0 * first),
        ("half above, half below", one, 2.0 * half),
        ("all above", zero, one),
        ("crossed", half, one - half),
    )
    return [InputPair(name=name, ours=ours, theirs=theirs) for name, ours, theirs in shapes]


def _moved(base: FloatArray, entry: int, relation: Relation, cells: int, where: str) -> InputPair:
    """Return a base with one person more at ``entry`` and the next ones, or moved from others."""
    ours, theirs = base.copy(), base.copy()
    into = (entry + np.arange(cells)) % base.size
    theirs[into] += 1.0
    if relation == "replace":
        ours[(entry + cells + np.arange(cells)) % base.size] += 1.0
    verb = "one moved" if relation == "replace" else "one more"
    return InputPair(name=f"{verb} {where}", ours=ours, theirs=theirs)


def _around(data: FloatArray, relation: Relation, cells: int) -> list[InputPair]:
    if relation == "queries":
        return [
            InputPair(
                name=f"your data, {pair.name}", ours=data, theirs=data + pair.theirs - pair.ours
            )
            for pair in _queries(data.size)
        ]
    ends = (("smallest", int(data.argmin())), ("largest", int(data.argmax())))
    return [
        _moved(data, entry, relation, cells, f"in the {name} count of your data")
        for name, entry in ends
    ]
