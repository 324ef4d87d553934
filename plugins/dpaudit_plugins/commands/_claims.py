"""What a paper states, as data: its figure, the measurement that answers it, and the rule.

A folder of results has ``papers.toml`` (title, sources, ledger) and one folder for each family of
results with ``result.toml`` and the audit files that it names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import attrs

import dpaudit

Kind = Literal["number", "statement", "pattern"]
"""What a claim is: figures that were printed, a statement that holds or not, or a pattern."""

T = TypeVar("T")


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return names, of which there may be one."""
    return (given,) if isinstance(given, str) else tuple(given)


def _pairs(given: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((a, b) for a, b in given)


@attrs.frozen(kw_only=True)
class AuditUse:
    """An audit file of a family, and what a fast run changes of it.

    Parameters
    ----------
    file
        Beside ``result.toml``.
    fast
        ``draws`` and ``replicates`` that are the most of a fast run, and values of ``vary``.
    vary
        A column of the data and its values: the audit is run for the rows of each, and called
        ``NAME VALUE``.
    """

    file: str
    fast: Mapping[str, Any] = attrs.field(factory=dict)
    vary: Mapping[str, tuple[Any, ...]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Equal:
    """A figure that a paper prints, against a number of ours.

    Parameters
    ----------
    number
        Its name.
    value
        As printed, so that its last digit says how exact it is.
    within
        A relative tolerance in percent; without it half a unit of the last digit printed.
    """

    number: str
    value: str
    within: float | None = None


@attrs.frozen(kw_only=True)
class Claim:
    """One thing that a paper states.

    Parameters
    ----------
    id
        Unique in its family.
    what, source
        The statement in a few words, and where it stands (a key of the sources, then the place).
    paper
        The paper's figure as printed, or what it says.
    kind
        Whether figures, a statement or a pattern are tested.
    ours
        Names of the numbers that answer it.
    equals, holds
        Figures that have to agree, and comparisons that have to hold.
    found
        What was found, in a sentence that is true where the tests hold.
    because
        Why it is not reproduced as printed.
    """

    id: str
    what: str
    source: str
    paper: str
    kind: Kind = attrs.field(default="number", validator=attrs.validators.in_(get_args(Kind)))
    ours: tuple[str, ...] = attrs.field(factory=tuple, converter=_names)
    equals: tuple[Equal, ...] = ()
    holds: tuple[str, ...] = attrs.field(factory=tuple, converter=_names)
    found: str = ""
    because: str = ""


@attrs.frozen(kw_only=True)
class Drawing:
    """One figure: its kind, its words, and where its numbers come from.

    A ``section`` is the first chart that a plug-in puts into its own section of the report on
    ``audit``; ``section`` is how that one's name begins. ``places`` is a map of the bias of groups
    in relation to what is due, with the built-in outlines that ``outlines`` names.
    """

    kind: Literal["sweep", "dots", "cloud", "rates", "diagram", "places", "section"]
    title: str = ""
    subtitle: str = ""
    audit: str = ""
    section: str = ""
    outlines: str = "us-counties"
    across: str = ""
    along: str = ""
    unit: str = ""
    source: str = ""
    log: bool = False
    lines: tuple[Mapping[str, Any], ...] = ()
    boxes: tuple[Mapping[str, Any], ...] = ()
    arrows: tuple[tuple[str, str], ...] = attrs.field(factory=tuple, converter=_pairs)


@attrs.frozen(kw_only=True)
class Family:
    """One family of results: its audits, the numbers taken from them, claims and figures.

    ``numbers`` are addresses of measurements, or expressions over other numbers.
    """

    name: str
    folder: Path
    number: int
    title: str
    about: tuple[str, ...] = attrs.field(factory=tuple, converter=_names)
    audits: Mapping[str, AuditUse]
    numbers: Mapping[str, Mapping[str, Any] | str]
    claims: tuple[Claim, ...]
    figures: tuple[Drawing, ...] = ()
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Ledger:
    """What the report says of all families: sources, what is left out, and stand-ins."""

    title: str
    summary: str
    date: str | None = None
    sources: Mapping[str, str]
    left_out: tuple[tuple[str, str], ...] = ()
    stand_ins: tuple[tuple[str, str], ...] = ()


def read_ledger(folder: Path) -> Ledger:
    """Return what ``papers.toml`` of a folder of results says."""
    path = folder / "papers.toml"
    raw = _read(path)
    for key in ("left_out", "stand_ins"):
        raw[key] = tuple((row["what"], row["why"]) for row in raw.get(key, ()))
    return _made(Ledger, raw, path)


def read_families(folder: Path) -> tuple[Family, ...]:
    """Return the families of a folder, in the order of their numbers.

    Raises
    ------
    DataError
        If there is none, or a file says something that it may not.
    """
    found = [read_family(path) for path in sorted(folder.glob("*/result.toml"))]
    if not found:
        raise dpaudit.DataError(
            f"no results in the folder {str(folder)!r}",
            hint="run in a copy of the repository, or name the folder with --results",
        )
    return tuple(sorted(found, key=lambda family: family.number))


def read_family(path: Path) -> Family:
    """Return the family that a ``result.toml`` describes."""
    raw = _read(path)
    raw |= {"name": path.parent.name, "folder": path.parent}
    raw["audits"] = {k: _made(AuditUse, v, path) for k, v in raw.get("audits", {}).items()}
    raw["claims"] = tuple(_claim(one, path) for one in raw.pop("claim", ()))
    raw["figures"] = tuple(_made(Drawing, one, path) for one in raw.pop("figure", ()))
    family = _made(Family, {"numbers": {}, **raw}, path)
    _refuse_unknown(family, path)
    return family


def _claim(raw: Mapping[str, Any], path: Path) -> Claim:
    equals = tuple(_made(Equal, one, path) for one in raw.get("equals", ()))
    return _made(Claim, {**raw, "equals": equals}, path)


def _refuse_unknown(family: Family, path: Path) -> None:
    """Refuse a claim that names no number of the family, and two claims of one name."""
    for claim in family.claims:
        for name in (*claim.ours, *(each.number for each in claim.equals)):
            if name not in family.numbers:
                raise dpaudit.DataError(
                    f"{path}: claim {claim.id!r} names a number {name!r} that is not there",
                    hint="give it in [numbers]",
                )
    names = [claim.id for claim in family.claims]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise dpaudit.DataError(f"{path}: two claims are called {twice[0]!r}", hint="rename one")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise dpaudit.DataError(
            f"cannot read {str(path)!r}: {error.strerror}",
            hint="run in a copy of the repository, or name the folder with --results",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise dpaudit.DataError(f"{path}: {error}", hint="mend the file") from error


def _made(cls: type[T], raw: Mapping[str, Any], path: Path) -> T:
    """Return an attrs object from a table, with lists as tuples."""
    values = {key: _frozen(value) for key, value in raw.items()}
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise dpaudit.DataError(
            f"{path}: {error}", hint=f"a {cls.__name__.lower()} has {', '.join(_fields(cls))}"
        ) from error


def _fields(cls: type[Any]) -> Sequence[str]:
    return [field.name for field in attrs.fields(cls)]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
