"""A table of text cells, as every file format yields it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING

import attrs

from dpaudit.errors import DataError
from dpaudit.values import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WORDS = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
SHOWN = 5


@attrs.frozen(kw_only=True)
class Frame:
    """The cells of a file, all of them text.

    Parameters
    ----------
    source
        The file as the audit file names it.
    columns
        Cells by column name, empty text where a cell is missing.
    rows
        The number of each row: of the line it begins in for text, else of the row, the
        header being row 1 of a sheet.
    noun
        What ``rows`` counts: ``line`` or ``row``.
    """

    source: str
    columns: Mapping[str, Sequence[str]]
    rows: Sequence[int]
    noun: str

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, index: int, column: str | None = None) -> str:
        """Return where row ``index`` (counted from 0) stands."""
        where = f"{self.source}, {self.noun} {self.rows[index]}"
        return where if column is None else f"{where}, column {column!r}"

    def pick(self, names: Iterable[str]) -> Frame:
        """Return the frame with these columns alone."""
        return attrs.evolve(self, columns={name: self.columns[name] for name in names})

    def keep(self, marks: Sequence[bool]) -> Frame:
        """Return the rows that are marked."""
        return attrs.evolve(
            self,
            columns={
                name: list(itertools.compress(cells, marks)) for name, cells in self.columns.items()
            },
            rows=list(itertools.compress(self.rows, marks)),
        )

    def add(self, name: str, cells: Sequence[str]) -> Frame:
        """Return the frame with one more column."""
        if name in self.columns:
            raise DataError(
                f"{self.source}: {name!r} is a column of the data already",
                hint="give the new column another name",
            )
        return attrs.evolve(self, columns={**self.columns, name: cells})

    def refuse(self, faults: Sequence[str], hint: str | None, count: int | None = None) -> None:
        """Raise a DataError with the first few faults, if there are any.

        ``count`` is how many there are, where not all of them are written out.
        """
        if not faults:
            return
        more = (len(faults) if count is None else count) - SHOWN
        listed = "; ".join(faults[:SHOWN])
        raise DataError(f"{listed}; and {more:,} more" if more > 0 else listed, hint=hint)


def is_missing(cell: str) -> bool:
    """Return whether a cell says nothing."""
    return not cell.strip()


def check_header(names: Sequence[str], source: str) -> None:
    """Refuse names that are empty or stand twice.

    Raises
    ------
    DataError
        If the header has either.
    """
    if not names:
        raise DataError(f"{source}: the file is empty", hint="it needs a header and rows")
    for position, name in enumerate(names, 1):
        if is_missing(name):
            raise DataError(
                f"{source}: column {position} has no name", hint="name it in the header, or drop it"
            )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = [i for i, name in enumerate(names, 1) if name == twice[0]]
        raise DataError(
            f"{source}: two columns are named {twice[0]!r} "
            f"({' and '.join(str(place) for place in places)})",
            hint="rename one of them",
        )


def check_columns(wanted: Iterable[str], names: Sequence[str], source: str) -> None:
    """Refuse columns that are not in the file, all of them in one message.

    Raises
    ------
    DataError
        If any is missing.
    """
    absent = [name for name in dict.fromkeys(wanted) if name not in names]
    if not absent:
        return
    hints = [f"for {name!r}: {suggest(name, names, noun='columns')}" for name in absent]
    listed = " and ".join(repr(name) for name in absent)
    noun = "column" if len(absent) == 1 else "columns"
    separator = _separator(names)
    raise DataError(
        f"{source}: there is no {noun} {listed}",
        hint=separator or (hints[0].partition(": ")[2] if len(hints) == 1 else "; ".join(hints)),
    )


def _separator(names: Sequence[str]) -> str | None:
    for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and mark in names[0]:
            return f"the file is separated by {word}; save it with commas"
    return None
