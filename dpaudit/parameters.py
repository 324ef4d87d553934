"""The parameters of a plug-in: what an audit file may set, and how its values are read.

A plug-in's attrs fields are its parameters. Values come from TOML, so they are text, numbers,
true or false, lists and tables; this module turns them into what the annotations ask for and
says, field by field, what does not fit.
"""

from __future__ import annotations

import difflib
import enum
import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import attrs
import numpy as np

from dpaudit.errors import PluginError, SpecError
from dpaudit.interfaces import ColumnName, FromData, Plugin

P = TypeVar("P", bound=Plugin)
Steps = tuple[str | int, ...]

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


@attrs.frozen(kw_only=True)
class Parameter:
    """One parameter of a plug-in.

    ``default`` is ``attrs.NOTHING`` where the parameter must be given.
    """

    name: str
    type: Any
    default: Any
    field: attrs.Attribute[Any] = attrs.field(repr=False)

    @property
    def required(self) -> bool:
        """Whether the audit file must set it."""
        return self.default is attrs.NOTHING

    @property
    def is_scalar(self) -> bool:
        """Whether a list of values means a sweep."""
        return not any(_takes_list(member) for member in members(self.type))

    @property
    def is_column(self) -> bool:
        """Whether text names a column of the data."""
        return any(source(member) == "column" for member in members(self.type))


def parameters(cls: type[Plugin]) -> dict[str, Parameter]:
    """Return the parameters of ``cls`` by name, base class first.

    Raises
    ------
    PluginError
        If an annotation names something that does not exist when the plug-in runs.
    """
    return {
        field.alias: Parameter(
            name=field.alias, type=_resolve(cls, field), default=field.default, field=field
        )
        for field in attrs.fields(cls)
        if field.init
    }


def build(cls: type[P], values: Mapping[str, Any]) -> P:
    """Make a plug-in from values as an audit file gives them.

    Raises
    ------
    SpecError
        If a parameter is unknown, missing, of another type or out of range; the message
        names every one.
    """
    made, misfits = fit(cls, values)
    if made is None:
        where = f"{cls.kind} {cls.name!r}"
        hints = "; ".join(misfit.hint for misfit in misfits if misfit.hint)
        raise SpecError(
            f"{where}: {'; '.join(misfit.message for misfit in misfits)}", hint=hints or None
        )
    return made


def fit(cls: type[P], values: Mapping[str, Any]) -> tuple[P | None, list[MisfitError]]:
    """Return the plug-in, or ``None`` and everything that keeps it from being made."""
    known = parameters(cls)
    misfits = [*unknown(known, values), *missing(known, values)]
    read: dict[str, Any] = {}
    for name, value in values.items():
        if name in known:
            try:
                read[name] = check(cls, known[name], value, read)
            except MisfitError as misfit:
                misfits.append(misfit.within(name))
    if misfits:
        return None, misfits
    try:
        return cls(**read), []
    except Exception as error:  # noqa: BLE001 (a plug-in's own check may raise anything)
        return None, [MisfitError(complaint(error))]


def unknown(known: Mapping[str, Parameter], names: Iterable[str]) -> list[MisfitError]:
    """Return a misfit for each name that is no parameter."""
    return [
        MisfitError(
            f"unknown parameter {name!r}",
            hint=suggest(name, known, "it takes no parameters", "parameters"),
            path=(name,),
        )
        for name in names
        if name not in known
    ]


def missing(known: Mapping[str, Parameter], given: Iterable[str]) -> list[MisfitError]:
    """Return a misfit for each required parameter that is not given."""
    have = set(given)
    return [
        MisfitError(
            f"the parameter {parameter.name!r} is missing",
            hint=f"add {parameter.name} = {_example(parameter)}",
        )
        for parameter in known.values()
        if parameter.required and parameter.name not in have
    ]


def check(
    cls: type[Plugin], parameter: Parameter, value: Any, others: Mapping[str, Any] | None = None
) -> Any:
    """Return ``value`` as the parameter wants it, after its own converter and validator ran.

    Raises
    ------
    MisfitError
        If it has another type or is out of range.
    """
    made = convert(value, parameter.type)
    field = parameter.field
    if isinstance(made, ColumnName) or field.validator is None:
        return made
    draft = _draft(cls, {**(others or {}), parameter.name: made})
    try:
        validated = made if field.converter is None else field.converter(made)
        field.validator(draft, field, validated)
    except AttributeError:
        return made  # the validator looks at other parameters: the whole plug-in is made later
    except Exception as error:
        raise MisfitError(complaint(error)) from error
    return made


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


def source(wanted: Any) -> Literal["column", "total"] | None:
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


def complaint(error: BaseException) -> str:
    """Return what an attrs validator (or a plug-in's own check) found, on one line."""
    text = str(error.args[0]) if error.args else ""
    line = " ".join(text.split())
    return line if isinstance(error, ValueError) and line else f"{type(error).__name__}: {line}"


def _convert(value: Any, wanted: Any) -> Any:  # noqa: C901, PLR0911 (one line for each type)
    origin = typing.get_origin(wanted)
    if source(wanted) == "column":
        return _column(value)
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


def _choice(value: Any, choices: Mapping[Any, Any]) -> Any:
    for choice, made in choices.items():
        if type(choice) is type(value) and choice == value:
            return made
    listed = " or ".join(_quoted(choice) for choice in choices)
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


def _takes_list(wanted: Any) -> bool:
    if source(wanted) == "column":
        return False
    if hasattr(wanted, "__metadata__"):
        return any(_takes_list(member) for member in members(typing.get_args(wanted)[0]))
    return wanted is Any or (typing.get_origin(wanted) or wanted) in (tuple, list, Sequence)


def _describe(wanted: Any) -> str:  # noqa: PLR0911 (one line for each type)
    origin = typing.get_origin(wanted)
    if source(wanted) == "column":
        return "a column name"
    if hasattr(wanted, "__metadata__"):
        return describe(typing.get_args(wanted)[0])
    if origin is Literal:
        return " or ".join(_quoted(choice) for choice in typing.get_args(wanted))
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        return " or ".join(_quoted(member.value) for member in wanted)
    if origin in (tuple, list, Sequence):
        inner = typing.get_args(wanted)[0]
        return f"a list of {_MANY[inner]}" if inner in _MANY else "a list"
    if origin in (dict, Mapping):
        return "a table"
    return _NOUNS.get(wanted, getattr(wanted, "__name__", str(wanted)))


def _quoted(choice: Any) -> str:
    return f'"{choice}"' if isinstance(choice, str) else str(choice)


def _example(parameter: Parameter) -> str:
    if parameter.is_column:
        return '"..." (a column name)'
    first = members(parameter.type)[0]
    if typing.get_origin(first) is Literal:
        return _quoted(typing.get_args(first)[0])
    return f"... ({describe(parameter.type)})"


def _draft(cls: type[Plugin], read: Mapping[str, Any]) -> Plugin:
    """Return an instance with the parameters read so far, for validators that look at others."""
    draft = cls.__new__(cls)
    for field in attrs.fields(cls):
        value = read.get(field.alias, field.default)
        if value is not attrs.NOTHING and not isinstance(value, attrs.Factory):  # type: ignore[arg-type]
            object.__setattr__(draft, field.name, value)
    return draft


def _resolve(cls: type[Plugin], field: attrs.Attribute[Any]) -> Any:
    if not isinstance(field.type, str):
        return Any if field.type is None else field.type
    home = next(c for c in cls.__mro__ if field.name in inspect.get_annotations(c))
    try:
        return annotation(field.type, vars(sys.modules[home.__module__]))
    except NameError as error:
        raise PluginError(
            f"{cls.kind} {cls.name!r}: the type of {field.name!r} cannot be found: {error}",
            hint="import it at the top of the module, not only for type checkers",
        ) from error


def annotation(text: Any, scope: Mapping[str, Any]) -> Any:
    """Return what an annotation means where the names of ``scope`` are known."""
    holder = types.SimpleNamespace(__annotations__={"it": text})
    return typing.get_type_hints(holder, globalns=dict(scope), include_extras=True)["it"]
