"""What a learner learns from, and what it is judged on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import attrs
import numpy as np

from dpaudit.errors import DataError
from dpaudit.model.arrays import BoolArray
from dpaudit.model.dataset import Status
from dpaudit.training.records import IntArray, Records

Split: TypeAlias = Literal["train", "held-out"]
SPLITS: tuple[Split, ...] = get_args(Split)
CONSTANT = "constant"
"""The column of ones that carries the bias, so that it is penalised and clipped as all else."""


@attrs.frozen(kw_only=True, eq=False)
class TrainingData:
    """People to learn from and, apart from them, people to judge by.

    Parameters
    ----------
    train
        What a learner may see.
    held_out
        What it may not; ``None`` where the audit file holds nobody out.
    rows, held_out_rows
        The position of each record among the rows of the file, counted from 0.
    columns
        The names of the columns of the inputs (``education=Bachelors``); :data:`CONSTANT` last.
    classes
        What each label is called, in its order; empty where the label is a number.
    norm_bound, label_bound
        Public bounds of ||x||, the constant column included, and of |y|.
    public_scaling
        Whether inputs (and a label that is a number) were scaled with public constants only.
    group
        What the grouping is called (``sex``, ``sex × age``).
    source, digest, status
        The file as the audit file names it, SHA-256 of what was read, and whether it is public.
    assumptions
        Sentences on what reading took for granted, for the report.
    """

    train: Records
    held_out: Records | None = None
    rows: IntArray
    held_out_rows: IntArray = attrs.field(factory=lambda: np.zeros(0, dtype=np.int64))
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    norm_bound: float
    label_bound: float = 1.0
    public_scaling: bool
    group: str = "group"
    source: str = ""
    digest: str = ""
    status: Status = "confidential"
    assumptions: tuple[str, ...] = ()

    @property
    def features(self) -> int:
        """d, columns of the inputs."""
        return self.train.inputs.shape[1]

    @property
    def names(self) -> tuple[str, ...]:
        """What each group is called."""
        return self.train.names

    @property
    def splits(self) -> Mapping[Split, Records]:
        """Who a fitted model is judged on, by name."""
        held_out: dict[Split, Records] = {} if self.held_out is None else {
            "held-out": self.held_out
        }  # fmt: skip
        return {"train": self.train, **held_out}

    def of(self, members: BoolArray) -> TrainingData:
        """Return the same with the people of ``members`` (n,) alone to learn from."""
        return attrs.evolve(self, train=self.train.of(members), rows=self.rows[members])

    def records(self, split: Split) -> Records:
        """Return the people of ``split``.

        Raises
        ------
        DataError
            If nobody is held out.
        """
        if split not in self.splits:
            raise DataError("nobody is held out", hint="add split = { test = 0.2 } to [training]")
        return self.splits[split]
