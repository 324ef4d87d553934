"""Turns the values of an audit file into what a parameter's annotation asks for.

TOML knows text, numbers, true and false, lists and tables. A whole number serves as a number,
text names a column, true and false are never numbers.
"""

from __future__ import annotations

import difflib
import enum
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dpaudit.inputs import ColumnName, DecisionName, FromData

Steps = tuple[str | int, ...]
Given = Literal["column", "total", "rules", "counts", "domain", "hierarchy", "noise", "folder"]

_NOUNS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    tuple: "a list",
    dict: "a table",
    type(None): "nothing",
    Path: "a file",
}
_LONG = 60
_MANY: dict[Any, str] = {int: "whole numbers", float: "numbers", str: "texts"}


class MisfitError(ValueError):
    """A value that does not fit its parameter.

    Parameters
    ----------
    message
        What was expected and what was found.
    hint
        The next step.
    path
        Keys and list positions from the plug-in's table to the value.
    """

    def __init__(self, message: str, *, hint: str | None = None, path: Steps = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path

    def within(self, *steps: str | int) -> MisfitError:
        """Return the same misfit, seen from further out."""
        return MisfitError(self.message, hint=self.hint, path=(*steps, *self.path))


def convert(value: Any, wanted: Any) -> Any:
    """Return ``value`` as the annotation ``wanted`` asks for.

    A whole number serves as a number, and text names a column; true and false are no numbers.

    Raises
    ------
    MisfitError
        If it does not fit.
    """
    deeper: MisfitError | None = None
    for member in members(wanted):
        try:
            return _convert(value, member)
        except MisfitError as misfit:
            deeper = misfit if misfit.path or misfit.hint else deeper
    if deeper is not None:
        raise deeper
    raise MisfitError(f"expected {describe(wanted)}, not {name_of(value)}")


def members(wanted: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union, or the type alone."""
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        return typing.get_args(wanted)
    return (wanted,)


def source(wanted: Any) -> Given | None:
    """Return what of the data a parameter of this type is filled with."""
    marks = getattr(wanted, "__metadata__", ())
    return next((mark.what for mark in marks if isinstance(mark, FromData)), None)


def describe(wanted: Any) -> str:
    """Return what a parameter of this type takes, in words."""
    return " or ".join(dict.fromkeys(_describe(m) for m in members(wanted) if m is not type(None)))


def name_of(value: Any) -> str:
    """Return a value as an error message repeats it."""
    noun = _NOUNS.get(type(value))
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    text = text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."
    return f"{noun} ({text})" if isinstance(value, dict | list | tuple) else f"{noun or ''} {text}"


def suggest(
    name: str, known: Iterable[str], none: str = "there are none", noun: str = "known"
) -> str:
    """Return "did you mean" with the nearest name, or what there is."""
    choices = list(known)
    near = difflib.get_close_matches(name, choices, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"{noun}: {', '.join(sorted(choices))}" if choices else none


def _convert(value: Any, wanted: Any) -> Any:  # noqa: C901, PLR0911 (one line for each type)
    origin = typing.get_origin(wanted)
    if source(wanted) == "column":
        return _column(value)
    if source(wanted) == "rules":
        return _rules(value)
    if origin is typing.Annotated or hasattr(wanted, "__metadata__"):
        return convert(value, typing.get_args(wanted)[0])
    if origin is Literal:
        return _choice(value, {choice: choice for choice in typing.get_args(wanted)})
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        made = value.value if isinstance(value, wanted) else value
        return _choice(made, {member.value: member for member in wanted})
    if wanted is Any:
        return value
    if origin in (tuple, list, Sequence) and isinstance(value, list | tuple):
        return _items(value, wanted)
    if origin in (dict, Mapping) and isinstance(value, Mapping):
        inner = typing.get_args(wanted)[1]
        return {key: _at(key, item, inner) for key, item in value.items()}
    if wanted is float and type(value) is int:
        return _whole_as_float(value)
    if wanted is float and type(value) is float and math.isnan(value):
        raise MisfitError("nan is not a value", hint="give a number")
    if wanted is Path and isinstance(value, str):
        return Path(value)
    if isinstance(wanted, type) and (
        type(value) is wanted or (wanted not in _NOUNS and isinstance(value, wanted))
    ):
        return value
    raise MisfitError(f"expected {describe(wanted)}, not {name_of(value)}")


def _column(value: Any) -> Any:
    if isinstance(value, str):
        return value if isinstance(value, ColumnName) else ColumnName(value)
    if isinstance(value, np.ndarray):
        return value
    raise MisfitError(f"expected a column name, not {name_of(value)}")


def _rules(value: Any) -> tuple[Any, ...]:
    """Return names of decisions; decisions that are made already stay as they are."""
    if not isinstance(value, list | tuple):
        raise MisfitError(f"expected a list of names of decisions, not {name_of(value)}")
    for i, item in enumerate(value):
        if not (isinstance(item, str) or hasattr(item, "decide")):
            raise MisfitError(f"expected the name of a decision, not {name_of(item)}", path=(i,))
    return tuple(DecisionName(item) if isinstance(item, str) else item for item in value)


def _choice(value: Any, choices: Mapping[Any, Any]) -> Any:
    for choice, made in choices.items():
        if type(choice) is type(value) and choice == value:
            return made
    listed = " or ".join(quoted(choice) for choice in choices)
    texts = [choice for choice in choices if isinstance(choice, str)]
    near = difflib.get_close_matches(value, texts, n=1) if isinstance(value, str) else []
    raise MisfitError(
        f"expected {listed}, not {name_of(value)}",
        hint=f"did you mean {near[0]!r}?" if near else None,
    )


def _items(value: Sequence[Any], wanted: Any) -> Any:
    made_by: Callable[[Iterable[Any]], Any] = list if typing.get_origin(wanted) is list else tuple
    inner = typing.get_args(wanted)
    if made_by is tuple and typing.get_origin(wanted) is tuple and inner[-1:] != (...,):
        if len(inner) != len(value):
            raise MisfitError(f"expected {len(inner)} values, not {len(value)}")
        return made_by(_at(i, item, inner[i]) for i, item in enumerate(value))
    return made_by(_at(i, item, inner[0]) for i, item in enumerate(value))


def _at(step: str | int, value: Any, wanted: Any) -> Any:
    try:
        return convert(value, wanted)
    except MisfitError as misfit:
        raise misfit.within(step) from misfit


def _whole_as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise MisfitError(f"{name_of(value)} is too large") from None


def takes_list(wanted: Any) -> bool:
    """Return whether a list is one value of this type (and not a sweep of values)."""
    if source(wanted) == "column":
        return False
    if hasattr(wanted, "__metadata__"):
        return any(takes_list(member) for member in members(typing.get_args(wanted)[0]))
    return wanted is Any or (typing.get_origin(wanted) or wanted) in (tuple, list, Sequence)


def _describe(wanted: Any) -> str:  # noqa: PLR0911 (one line for each type)
    origin = typing.get_origin(wanted)
    if source(wanted) == "column":
        return "a column name"
    if source(wanted) == "rules":
        return "a list of names of decisions"
    if hasattr(wanted, "__metadata__"):
        return describe(typing.get_args(wanted)[0])
    if origin is Literal:
        return " or ".join(quoted(choice) for choice in typing.get_args(wanted))
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        return " or ".join(quoted(member.value) for member in wanted)
    if origin in (tuple, list, Sequence):
        inner = typing.get_args(wanted)[0]
        return f"a list of {_MANY[inner]}" if inner in _MANY else "a list"
    if origin in (dict, Mapping):
        return "a table"
    return _NOUNS.get(wanted, getattr(wanted, "__name__", str(wanted)))


def quoted(choice: Any) -> str:
    """Return a choice as an audit file writes it."""
    return f'"{choice}"' if isinstance(choice, str) else str(choice)
