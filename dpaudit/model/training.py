"""``[training]`` of the audit file as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import attrs

from dpaudit.model.dataset import Status

REFERENCES = ("optimum", "sgd")
"""What excessive risk may be measured against, beside another learner by its name."""

Norm = Literal["ball", "unit", "none"]
DEFAULT_REPLICATES = 100


@attrs.frozen(kw_only=True)
class RangeSpec:
    """The public range of a number: ``age = [17, 90]``, or ``{ log = [0, 99_999] }``.

    Values beyond it are taken as its ends; with ``log`` it is log(1 + value - low) that is scaled.
    """

    low: float
    high: float
    log: bool = False


@attrs.frozen(kw_only=True)
class TrainingSpec:
    """``[training]``: who is learnt from, from which columns, and who is compared.

    Attributes
    ----------
    features
        Columns that a model sees. The group is one of them only if it is listed here.
    label, labels, label_range
        What is predicted; its values in order, or the range of a label that is a number.
    group
        The columns whose values (together) are the groups.
    classes
        Lower ends of all classes but the first, for a group column of numbers.
    ranges
        The public ranges of features that are numbers. One without a range is scaled by the
        range of the data, which is not private.
    values
        The public values of features that are not; others than these get no column.
    norm
        ``ball`` divides every row by one public bound of its norm, ``unit`` by its own norm.
    test
        The share of records that are held out.
    thin
        Of groups by name the share of those learnt from that is kept, before ``records`` are
        taken; a smaller share keeps some of those that a larger one does.
    records
        How many of the others are learnt from; all where it is not said.
    reference
        What excessive risk is measured against: ``optimum``, the exact minimiser; ``sgd``, training
        on the same random numbers without protection; or the name of another learner.
    """

    place: ClassVar[str] = "[training]"

    file: str
    status: Status
    features: tuple[str, ...]
    label: str
    labels: tuple[str, ...] = ()
    label_range: RangeSpec | None = None
    group: tuple[str, ...]
    classes: Mapping[str, tuple[float, ...]] = attrs.field(factory=dict)
    ranges: Mapping[str, RangeSpec] = attrs.field(factory=dict)
    values: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    norm: Norm = "ball"
    test: float = 0.2
    thin: Mapping[str, float] = attrs.field(factory=dict)
    records: int | None = None
    reference: str = "optimum"
    encoding: str | None = None
    sheet: str | None = None
