"""Models that were made elsewhere, by what they predict."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import BoolArray, FloatArray, is_file
from dpaudit.training.data import Split
from dpaudit.training.records import IntArray, as_classes
from dpaudit.training.runs import Arm, TabledRuns

if TYPE_CHECKING:
    import pandas as pd

_LEAST = 1e-300
_SUM_ERROR = 1e-6


@attrs.frozen(kw_only=True)
class Predictions(dpaudit.Learner):
    """Audit models that somebody else trained, from a file of what they predict.

    A CSV file with a row for each run and record: ``run`` (any text), ``record`` (the row in the
    data file, counted from 1, its header not counted), and ``loss``, or ``chance:CLASS`` for
    every class, or both. A column ``arm`` tells ``made`` from ``plain``, the same runs
    without protection; without it all are ``made``. All runs of an arm list the same records,
    everybody that the audit learns from or holds out among them.

    Attacks need a column ``member``: 1 where the run has learnt from the record, else 0. Each run
    is then a target and a shadow model of the others. Whom it learns from has to be drawn anew for
    every run, about half of the people each time. People from whom no run has learnt are those
    from outside; say ``split = { test = 0 }``, so that the audit holds out nobody itself.

    Parameters
    ----------
    file
        The CSV file, relative to the audit file.
    epsilon, delta
        What the maker of the models states, which nothing here checks; left out, nothing.
    """

    name: ClassVar[str] = "predictions"

    file: Path
    epsilon: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0.0))
    )
    delta: float = attrs.field(
        default=0.0, validator=[attrs.validators.ge(0.0), attrs.validators.lt(1.0)]
    )
    base: dpaudit.GivenFolder = None

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Those that the file has."""
        table = self._table()
        return ("made", "plain") if (table["arm"] == "plain").any() else ("made",)

    def fit(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> object:
        """Refuse: nothing can be fitted again."""
        raise dpaudit.UsageError(
            f"predictions: {self.file} holds what models predicted, and no model",
            hint="train with a learner instead",
        )

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> TabledRuns:
        """Return the runs of the file, in its order.

        Raises
        ------
        DataError
            If the file does not fit the data, or has fewer runs than are asked for.
        """
        self.has(arm)
        table = self._table()
        chosen = table[table["arm"] == arm]
        names = list(dict.fromkeys(chosen["run"]))
        if replicates.stop > len(names):
            raise dpaudit.DataError(
                f"predictions: {self.file} has {len(names)} runs of the arm {arm!r}, and "
                f"{replicates.stop} are asked for",
                hint=f"set replicates = {len(names)} in [[learner]]",
            )
        runs = [chosen[chosen["run"] == names[r]] for r in replicates]
        return self._runs(data, runs)

    @property
    def arms_apart(self) -> tuple[Arm, ...]:
        """Those that the file has."""
        return self.arms

    def train_each(
        self,
        data: dpaudit.TrainingData,
        members: BoolArray,
        replicates: range,
        seed: int,
        arm: Arm = "made",
    ) -> TabledRuns:
        """Return the runs of the file, which have learnt from whom the file says."""
        return self.train(data, replicates, seed, arm)

    def given_members(self, data: dpaudit.TrainingData) -> BoolArray:
        """Return whom each run has learnt from, shape (R, n).

        Raises
        ------
        DataError
            If the file does not say, or a run has learnt from somebody who is held out.
        """
        table = self._table()
        if "member" not in table:
            raise dpaudit.DataError(
                f"predictions: {self.file} does not say whom each run has learnt from, which "
                "attacks need",
                hint="add a column member: 1 where the run has learnt from the record, else 0",
            )
        if not table["member"].isin([0, 1]).all():
            raise dpaudit.DataError(
                f"predictions: {self.file} has a member that is not 0 or 1",
                hint="write 1 where the run has learnt from the record, else 0",
            )
        made = []
        for arm in self.arms:
            chosen = table[table["arm"] == arm]
            wide = chosen.pivot_table(
                index="run", columns="record", values="member", aggfunc="first", sort=False
            )
            made.append(wide.reindex(index=list(dict.fromkeys(chosen["run"]))))
        if len(made) > 1 and not np.array_equal(made[0].to_numpy(), made[1].to_numpy()):
            raise dpaudit.DataError(
                f"predictions: the arms of {self.file} have learnt from different people",
                hint="list the same runs, with the same members, in both",
            )
        self._check_held_out(made[0], data)
        known = made[0].reindex(columns=data.rows + 1, fill_value=0)
        return np.asarray(known.to_numpy() == 1)

    def _check_held_out(self, wide: pd.DataFrame, data: dpaudit.TrainingData) -> None:
        out = wide.reindex(columns=data.held_out_rows + 1, fill_value=0).to_numpy() == 1
        if out.any():
            run, record = np.argwhere(out)[0]
            raise dpaudit.DataError(
                f"predictions: run {wide.index[run]!r} has learnt from record "
                f"{int(data.held_out_rows[record]) + 1}, whom the audit holds out",
                hint="say split = { test = 0 }: those whom no run has learnt from are found in "
                "the file",
            )

    def check(self, data: dpaudit.TrainingData) -> None:
        """Hold the file to the data."""
        self.train(data, range(1), 0)

    def privacy(self, data: dpaudit.TrainingData) -> dpaudit.Guarantee:
        """Return what is stated."""
        if self.epsilon is None:
            return super().privacy(data)
        return dpaudit.Guarantee(neighbours="replace", epsilon=self.epsilon, delta=self.delta)

    def caveats(self) -> tuple[str, ...]:
        """Say whose word the guarantee is."""
        if self.epsilon is None:
            return ("nothing is stated of what the models promise: they count as unprotected",)
        return (f"epsilon {self.epsilon:g} is the word of whoever made the models",)

    def sources(self) -> tuple[Path, ...]:
        """Return the file."""
        return ((self.base or Path()) / self.file,)

    def _table(self) -> pd.DataFrame:
        (path,) = self.sources()
        if not is_file(path):
            raise dpaudit.DataError(
                f"predictions: {self.file}: no such file",
                hint="the path is relative to the audit file's folder",
            )
        return _read(path, path.stat().st_mtime_ns)

    def _runs(self, data: dpaudit.TrainingData, runs: Sequence[pd.DataFrame]) -> TabledRuns:
        losses: dict[Split, FloatArray] = {}
        chances: dict[Split, FloatArray] = {}
        rows: dict[Split, IntArray] = {"train": data.rows, "held-out": data.held_out_rows}
        for split, records in data.splits.items():
            made = [self._of(data, run, rows[split]) for run in runs]
            told = [chance for chance, _ in made if chance is not None]
            if len(told) == len(made):
                chances[split] = np.stack(told)
            losses[split] = np.stack(
                [_losses(chance, loss, records.labels) for chance, loss in made]
            )
        return TabledRuns(data=data, of_losses=losses, of_chances=chances)

    def _of(
        self, data: dpaudit.TrainingData, run: pd.DataFrame, rows: IntArray
    ) -> tuple[FloatArray | None, FloatArray | None]:
        """Return chances (n, K) and losses (n,) of one run for the records at ``rows``."""
        name = str(run["run"].iloc[0])
        place = run.set_index("record")
        if not place.index.is_unique:
            twice = place.index[place.index.duplicated()][0]
            raise dpaudit.DataError(
                f"predictions: run {name!r} has record {twice} twice",
                hint="keep one row for each run and record",
            )
        missing = np.setdiff1d(rows + 1, place.index.to_numpy())
        if missing.size:
            raise dpaudit.DataError(
                f"predictions: run {name!r} says nothing of record {int(missing[0])}",
                hint="list every record of the data file, counted from 1",
            )
        chosen = place.loc[rows + 1]
        loss = chosen["loss"].to_numpy(dtype=np.float64) if "loss" in chosen else None
        wanted = [f"chance:{label}" for label in data.classes]
        chance = None
        if wanted and set(wanted) <= set(chosen.columns):
            chance = chosen[wanted].to_numpy(dtype=np.float64)
        self._check(name, chance, loss, wanted)
        return chance, loss

    def _check(
        self, name: str, chance: FloatArray | None, loss: FloatArray | None, wanted: list[str]
    ) -> None:
        if chance is None and loss is None:
            raise dpaudit.DataError(
                f"predictions: {self.file} has neither loss nor {', '.join(wanted) or 'anything'}",
                hint="add a column loss, or a column chance:CLASS for each class",
            )
        for what in (chance, loss):
            if what is not None and not np.isfinite(what).all():
                raise dpaudit.DataError(
                    f"predictions: run {name!r} has a value that is no number",
                    hint="leave out runs that did not end, or mend the value",
                )
        if chance is None:
            return
        off = np.abs(chance.sum(axis=1) - 1.0)
        if chance.min() < 0 or off.max() > _SUM_ERROR:
            raise dpaudit.DataError(
                f"predictions: run {name!r} has chances that are negative or do not sum to 1 "
                f"(off by {max(float(off.max()), -float(chance.min())):.3g})",
                hint="give a chance for every class",
            )


def _losses(chance: FloatArray | None, loss: FloatArray | None, labels: FloatArray) -> FloatArray:
    """Return the losses that are given, or those of the chances."""
    if loss is not None:
        return loss
    if chance is None:
        raise dpaudit.DataError(
            "predictions: neither losses nor chances",
            hint="add a column loss, or a column chance:CLASS for each class",
        )
    chosen = chance[np.arange(len(chance)), as_classes(labels, chance.shape[1])]
    return -np.log(np.maximum(chosen, _LEAST))


@functools.lru_cache(maxsize=4)
def _read(path: Path, _stamp: int) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype={"run": str, "arm": str})
    except ValueError as error:
        raise dpaudit.DataError(
            f"predictions: {path.name}: {error}", hint="give a CSV file in UTF-8"
        ) from error
    lacking = {"run", "record"} - set(table.columns)
    if lacking:
        raise dpaudit.DataError(
            f"predictions: {path.name} has no column {sorted(lacking)[0]!r}",
            hint="columns are run, record, loss and chance:CLASS",
        )
    if "arm" not in table:
        table["arm"] = "made"
    wrong = sorted(set(table["arm"]) - {"made", "plain"})
    if wrong:
        raise dpaudit.DataError(
            f"predictions: {path.name} has the arm {wrong[0]!r}", hint="arms are made and plain"
        )
    return table


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (Predictions,)
