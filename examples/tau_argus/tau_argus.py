"""Primary and secondary cell suppression by Tau-Argus (package pytauargus, EUPL-1.2)."""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
from attrs import validators

import dpaudit
from dpaudit.model.arrays import BoolArray, FloatArray

SUPPRESSED = frozenset({"U", "M"})
"""Tau-Argus' status of cells that are unsafe (primary) and that hide them (secondary)."""
MOST_RECORDS = 1_000_000
TIME_LIMIT = 300.0
"""Seconds that the solver may take for one table."""


@attrs.frozen(kw_only=True, eq=False)
class TauArgus(dpaudit.Mechanism):
    """Suppress small counts of a table, and others so that margins give none of them away.

    The table is spanned by columns of the data and published with all its margins. Counts from
    1 to ``threshold`` - 1 are unsafe; Tau-Argus chooses which further cells to suppress so that
    every unsafe one stays uncertain by ``safety_range`` percent. Nothing is random.

    Parameters
    ----------
    spanning
        Two or more columns; each entity of the data is one combination of their values.
    threshold
        The smallest count that is safe, at least 1.
    safety_range
        How uncertain an unsafe count must stay, per cent.
    fill
        The number that a user of the table puts in place of a suppressed count, persons.
    """

    name: ClassVar[str] = "tau-argus"
    independent: ClassVar[bool] = False
    nonnegative: ClassVar[bool] = True

    spanning: tuple[dpaudit.Column, ...] = attrs.field(validator=validators.min_len(2))
    threshold: int = attrs.field(default=3, validator=validators.ge(1))
    safety_range: int = attrs.field(default=30, validator=[validators.ge(1), validators.le(100)])
    fill: float = attrs.field(default=0.0, validator=[validators.ge(0.0), validators.lt(math.inf)])

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:  # noqa: ARG002
        """Return the published counts with ``fill`` for those suppressed, shape (n,)."""
        return np.where(self.suppressed(counts), self.fill, counts)

    def bias(self, counts: FloatArray) -> FloatArray:
        """Return fill - x where suppressed and 0 elsewhere, shape (n,), persons; exact."""
        return np.where(self.suppressed(counts), self.fill - counts, 0.0)

    def variance(self, counts: FloatArray) -> FloatArray:
        """Return 0, shape (n,): nothing is random."""
        return np.zeros_like(counts)

    def suppressed(self, counts: FloatArray) -> BoolArray:
        """Return which counts are not shown, shape (n,)."""
        labels = tuple(self._labels(column, counts.size) for column in self.spanning)
        cells = tuple(zip(*labels, strict=True))
        if len(set(cells)) < len(cells):
            twice = next(cell for cell in cells if cells.count(cell) > 1)
            raise dpaudit.DataError(
                f"tau-argus: the cell {' × '.join(twice)} stands twice in the data",
                hint="span the table by columns that tell every entity from every other",
            )
        if counts.sum() > MOST_RECORDS or np.any((counts < 0) | (counts != np.rint(counts))):
            raise dpaudit.DataError(
                f"tau-argus: {counts.sum():,.15g} people are not a whole number up to "
                f"{MOST_RECORDS:,}",
                hint="Tau-Argus is given one record for each: audit a smaller table",
            )
        hidden = protected(cells, tuple(counts.astype(int)), self.threshold, self.safety_range)
        return np.array([cell in hidden for cell in cells])

    def privacy(self) -> dpaudit.Guarantee:
        """Return delta = 1 at every epsilon: counts are shown exactly or not at all."""
        return dpaudit.Guarantee(
            neighbours=self.neighbours,
            delta=1.0,
            every_epsilon=True,
            uncovered=("all margins and all counts that are not suppressed",),
        )

    def caveats(self) -> tuple[str, ...]:
        """Return what the choice of cells depends on."""
        return ("other solvers may suppress other cells of the same table",)

    @staticmethod
    def _labels(column: dpaudit.Column, n: int) -> tuple[str, ...]:
        values = np.asarray(column)
        if values.shape != (n,):
            raise dpaudit.DataError(
                f"tau-argus: a spanning column of shape {values.shape} for {n} entities",
                hint="name columns of the data",
            )
        return tuple(map(str, values.tolist()))


@functools.lru_cache(maxsize=16)
def protected(
    cells: tuple[tuple[str, ...], ...], counts: tuple[int, ...], threshold: int, safety_range: int
) -> frozenset[tuple[str, ...]]:
    """Return the inner cells that Tau-Argus suppresses, primary and secondary.

    Values are handed over as short codes: Tau-Argus' files have columns of a fixed width.
    """
    if importlib.util.find_spec("pytauargus") is None:
        raise dpaudit.UnavailableError(
            "tau-argus: pytauargus is not installed", hint="pip install pytauargus"
        )
    if not any(0 < count < threshold for count in counts):
        return frozenset()
    axes = [list(dict.fromkeys(values)) for values in zip(*cells, strict=True)]
    names = [f"v{i}" for i in range(len(axes))]
    people = [cell for cell, count in zip(cells, counts, strict=True) for _ in range(count)]
    records: dict[str, list[str] | list[int]] = {
        name: [f"c{axis.index(person[i])}" for person in people]
        for i, (name, axis) in enumerate(zip(names, axes, strict=True))
    }
    records["people"] = [1] * len(people)
    found = _solved([records, names, f"FREQ({threshold},{safety_range})"])
    return frozenset(
        tuple(axis[int(code[1:])] for axis, code in zip(axes, codes, strict=True))
        for *codes, state in found
        if state in SUPPRESSED and "Total" not in codes
    )


_SCRIPT = """
import json, sys
from pytauargus import protect

records, names, rule = json.load(sys.stdin)
table = protect(records, names, "people", rule, "OPT(1)", workdir="work").tables[0]
columns = [list(table.dataframe()[name]) for name in names]
with open("found.json", "w") as file:
    json.dump(list(zip(*columns, table.status())), file)
"""


def _solved(problem: list[Any]) -> list[list[str]]:
    """Return the codes and the status of every cell.

    Tau-Argus writes logs into the current folder and may not run twice in one process, so that
    it gets a folder and a process of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(  # noqa: S603 - our own script
                [sys.executable, "-P", "-c", _SCRIPT],
                input=json.dumps(problem),
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
                timeout=TIME_LIMIT,
            )
        except subprocess.SubprocessError as error:
            said = str(getattr(error, "stderr", None) or error).split("\n")
            line = " ".join([line for line in said if line.strip()][-1].split())
            raise dpaudit.PluginError(
                f"tau-argus: {line}", hint="audit a smaller table, or lower threshold"
            ) from error
        found: list[list[str]] = json.loads(Path(folder, "found.json").read_text("utf-8"))
    return found


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (TauArgus,)
