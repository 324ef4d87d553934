"""The audit file as data: what to audit, with which plug-ins, against which thresholds.

Everything here is plain (text, numbers, tuples, mappings), so that a spec can be written as
JSON, sent to a worker process and hashed. Plug-ins are named, not made: the planner makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs

from dpaudit.model.dataset import Status
from dpaudit.model.public import PublicSpec
from dpaudit.model.training import DEFAULT_REPLICATES, TrainingSpec

Game = Literal["known-rest", "pool", "elsewhere"]
"""Whom the attacker tells apart.

``known-rest``: everything is known but whether one person is in the data. ``pool``: of a list of
candidates each is in the data or not by the toss of a coin. ``elsewhere``: people in the data
against people who come from somewhere else.
"""

Neighbours = Literal["add-remove", "replace"]
Format = str
"""``html``, ``pdf``, ``json``, or what a plug-in writes (hook ``dpaudit_render``)."""

FORMATS = ("html", "pdf", "json")
DEFAULT_SECTIONS = ("highlights", "findings", "limits", "methods", "glossary", "provenance")


@attrs.frozen(kw_only=True)
class PluginUse:
    """One ``{ use = "...", ... }`` table: a plug-in's name and the parameters to make it with.

    A parameter that is a tuple where the plug-in wants a scalar is a sweep.
    """

    use: str
    parameters: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ClassSpec:
    """Groups entities by size: ``[data.classes] size = { column = "...", bounds = [...] }``.

    ``bounds`` are the lower ends of all classes but the first, ascending. With ``share_of`` (a
    column) they are shares: an entity's value over the sum of its group.
    """

    column: str
    bounds: tuple[float, ...]
    share_of: str | None = None


@attrs.frozen(kw_only=True)
class AttributeSpec:
    """One attribute of the public domain of a table: ``[data.domain]``.

    Attributes
    ----------
    column
        The column of the records that says it.
    labels
        The domain: every value that a person may have, in order.
    values
        The label of each cell of the file; empty for bins.
    bounds
        The lower ends of all bins but the first, ascending; the first labels are theirs.
    is_closed
        Whether ``bounds`` has the lower end of the first bin too: what is below is in no bin.
    whole
        Whether the labels of the bins speak of whole numbers only.
    other, missing
        The label of cells that are not listed, and of empty ones; none: they are refused.
    """

    column: str
    labels: tuple[str, ...]
    values: Mapping[str, str] = attrs.field(factory=dict)
    bounds: tuple[float, ...] = ()
    is_closed: bool = False
    whole: bool = False
    other: str | None = None
    missing: str | None = None


@attrs.frozen(kw_only=True)
class DerivedSpec:
    """``[data.derived] state = { column = "county", first = 2 }``: the first characters."""

    column: str
    first: int


Assign = Literal["first", "largest"]


@attrs.frozen(kw_only=True)
class ParentsSpec:
    """``[data] parents``: a file that says in which node of ``level`` each entity lies.

    ``assign`` says what to do with an entity that lies in several: ``first`` takes the first
    of the file, ``largest`` the one with the largest ``weight``. ``other`` is the node of
    entities that the file does not list.
    """

    place: ClassVar[str] = "[data.parents]"

    file: str
    child: str
    parent: str
    level: str
    assign: Assign | None = None
    weight: str | None = None
    other: str | None = None
    encoding: str | None = None
    sheet: str | None = None


@attrs.frozen(kw_only=True)
class JoinSpec:
    """``[data.joined] spending = { ... }``: a column of another file, or of other rows.

    Attributes
    ----------
    column
        The column that is taken over.
    match
        Columns of the data, and those of the other file that must hold the same cells.
    where
        The rows of the other file that count, by their cells.
    file
        The other file; without it other rows of the same one.
    other
        What entities get that the other file does not have.
    """

    place: ClassVar[str] = "[data.joined]"

    column: str
    match: Mapping[str, str]
    where: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    file: str
    other: str | None = None
    encoding: str | None = None
    sheet: str | None = None


def true_counts(
    counts: Iterable[str], file: str, joined: Mapping[str, tuple[str, str]]
) -> tuple[str, ...]:
    """Return the columns of true counts: those that are named, and copies that are joined.

    Parameters
    ----------
    counts
        The columns that the audit file counts.
    file
        The file of the data.
    joined
        Of each joined column the file and the column that it is taken from.
    """
    named = tuple(counts)
    sources = {joined[name][1] if name in joined else name for name in named}
    copies = (name for name, (other, column) in joined.items() if other == file
              and column in sources)  # fmt: skip
    return tuple(dict.fromkeys((*named, *copies)))


@attrs.frozen(kw_only=True)
class DataSpec:
    """``[data]``: where the true counts stand and who they belong to.

    ``also_counted`` are columns of further true counts, released together with the first.
    ``noun`` is what one entity is called in a report (singular), ``counted`` what is counted
    (plural, ``households``), where the columns' names and "people" will not do.

    With ``table`` the file has one person a row, and the entities are the cells of the table
    over ``domain``; ``entity`` and ``count`` are then only what they are called.

    ``noisy`` says that the counts are a published release: negative ones are read as 0 and
    fractions are rounded.
    """

    place: ClassVar[str] = "[data]"

    file: str
    status: Status
    entity: str
    count: str
    also_counted: tuple[str, ...] = ()
    label: str | None = None
    noun: str | None = None
    counted: str | None = None
    groups: tuple[tuple[str, ...], ...] = ()
    classes: Mapping[str, ClassSpec] = attrs.field(factory=dict)
    where: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    derived: Mapping[str, DerivedSpec] = attrs.field(factory=dict)
    table: tuple[str, ...] = ()
    domain: Mapping[str, AttributeSpec] = attrs.field(factory=dict)
    levels: tuple[str, ...] = ()
    parents: ParentsSpec | None = None
    joined: Mapping[str, JoinSpec] = attrs.field(factory=dict)
    encoding: str | None = None
    sheet: str | None = None
    noisy: bool = False

    @property
    def true_counts(self) -> tuple[str, ...]:
        """The columns that hold true counts, under whatever name."""
        joined = {name: (join.file, join.column) for name, join in self.joined.items()}
        return true_counts((self.count, *self.also_counted), self.file, joined)

    @property
    def ancestors(self) -> tuple[str, ...]:
        """The columns of the levels above the entities, coarsest first."""
        named = tuple(level for level in self.levels if level != self.entity)
        added = self.parents.level if self.parents else None
        return named if added is None or added in named else (*named, added)


@attrs.frozen(kw_only=True)
class RunSpec:
    """``[run]``: seed, noise vectors, confidence and the time limit of a foreign plug-in."""

    seed: int = 0
    draws: int = 2000
    confidence: float = 0.95
    time_limit: float = 600.0


@attrs.frozen(kw_only=True)
class EarlierSpec:
    """A release about the same people that was made before: what it is, and ε (with δ) or ρ."""

    what: str
    epsilon: float | None = None
    delta: float = 0.0
    rho: float | None = None


@attrs.frozen(kw_only=True)
class ReleaseSpec:
    """``[[release]]``: a mechanism, its neighbouring relation and what follows it."""

    name: str
    mechanism: PluginUse
    neighbours: Neighbours
    postprocess: tuple[PluginUse, ...] = ()
    earlier: tuple[EarlierSpec, ...] = ()


@attrs.frozen(kw_only=True)
class DecisionSpec:
    """``[[decision]]``: what is decided from every release; ``output`` sees only outcomes.

    ``count`` is which of the counts it reads, where it reads one and the data have several.
    """

    name: str
    decision: PluginUse
    count: str | None = None
    output: tuple[PluginUse, ...] = ()


@attrs.frozen(kw_only=True)
class FailIf:
    """``fail_if``: break the build when a number is certainly over ``over``.

    ``for_`` is ``any entity``, ``any group`` or ``total``.
    """

    over: float
    for_: Literal["any entity", "any group", "total"] = "any entity"


@attrs.frozen(kw_only=True)
class AuditSpec:
    """``[[audit]]``: one thing to measure, and the threshold it must keep."""

    name: str
    audit: PluginUse
    fail_if: FailIf | None = None


DEFAULT_MODELS = 64
"""Models that an attack on a learner trains, where the audit file does not say."""

FEWEST_MODELS = 20
"""Fewer leave an attack too few shadow models on each side of a person."""

MOST_MODELS = 10_000


@attrs.frozen(kw_only=True)
class AttackSpec:
    """``[[attack]]``: an attack, the game that it plays and where its candidates come from.

    ``candidates`` is a file of the form of the data, or ``uniform`` (over the cells) or
    ``marginals`` (attributes drawn on their own); without it they are the people in the data.
    ``releases`` names the releases that are attacked; without any all are. ``replicates`` is how
    many releases are made. An attack on models has neither: ``learners`` names the learners that
    are attacked, and ``replicates`` is how many models are trained, each a target in turn.
    """

    name: str
    plugin: PluginUse
    game: Game
    candidates: str | None = None
    releases: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()
    replicates: int = 20


@attrs.frozen(kw_only=True)
class LearnerSpec:
    """``[[learner]]``: a learner, how often it is trained, and which one it mitigates.

    ``against`` names another learner; it is compared with it at the same point.
    """

    name: str
    plugin: PluginUse
    replicates: int = DEFAULT_REPLICATES
    against: str | None = None


@attrs.frozen(kw_only=True)
class MitigationSpec:
    """``[[mitigation]]``: a change that is measured beside what it changes.

    ``releases`` names the releases that it is tried on; without any it is tried on all.
    """

    name: str
    plugin: PluginUse
    releases: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class MapSpec:
    """``[report] map``: outlines from ``file`` (or ``tiles`` of equal size) for one axis.

    ``over`` is ``entity`` or a grouping; ``id`` the property of a place that holds its name.
    """

    file: str | None = None
    tiles: Literal["us-states"] | None = None
    over: str = "entity"
    id: str | None = None


@attrs.frozen(kw_only=True)
class ReportSpec:
    """``[report]``: who reports, in which formats, sections and language."""

    organisation: str | None = None
    formats: tuple[Format, ...] = ("html", "pdf", "json")
    language: str = "en"
    sections: tuple[str, ...] = DEFAULT_SECTIONS
    rows_per_table: int = 50
    date: str | None = None
    map: MapSpec | None = None


@attrs.frozen(kw_only=True)
class Spec:
    """One audit, as its author wrote it.

    An audit of learners has ``training`` and ``learners`` and neither releases nor decisions;
    ``data`` then says only where its file is. ``path`` is where the audit file lies (relative
    files are looked up beside it) and ``text`` is its content, for provenance; neither enters a
    report.
    """

    title: str
    data: DataSpec
    releases: tuple[ReleaseSpec, ...]
    decisions: tuple[DecisionSpec, ...]
    audits: tuple[AuditSpec, ...]
    mitigations: tuple[MitigationSpec, ...] = ()
    attacks: tuple[AttackSpec, ...] = ()
    training: TrainingSpec | None = None
    learners: tuple[LearnerSpec, ...] = ()
    plugins: tuple[str, ...] = ()
    run: RunSpec = attrs.field(factory=RunSpec)
    report: ReportSpec = attrs.field(factory=ReportSpec)
    public: PublicSpec | None = None
    path: Path = Path("audit.toml")
    text: str = attrs.field(default="", repr=False)
