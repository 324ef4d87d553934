"""The parameters of a plug-in: what an audit file may set, and how its values are read.

A plug-in's attrs fields are its parameters. Values come from TOML, so they are text, numbers,
true or false, lists and tables; this module turns them into what the annotations ask for and
says, field by field, what does not fit.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from typing import Any, Literal, TypeVar

import attrs

from dpaudit.errors import PluginError, SpecError
from dpaudit.inputs import ColumnName
from dpaudit.interfaces import Plugin
from dpaudit.values import (
    MisfitError,
    convert,
    describe,
    members,
    quoted,
    source,
    suggest,
    takes_list,
)

if typing.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

P = TypeVar("P", bound=Plugin)
Given = Literal["counts", "domain", "hierarchy", "noise", "folder"]


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
        return not any(takes_list(member) for member in members(self.type))

    @property
    def is_total(self) -> bool:
        """Whether the engine may fill in the sum of the true values."""
        return any(source(member) == "total" for member in members(self.type))

    @property
    def takes_rules(self) -> bool:
        """Whether it is a list of names of other decisions."""
        return any(source(member) == "rules" for member in members(self.type))

    @property
    def is_column(self) -> bool:
        """Whether text names a column of the data."""
        return any(source(member) == "column" for member in members(self.type))


def parameters(cls: type[Plugin]) -> Mapping[str, Parameter]:
    """Return the parameters of ``cls`` that an audit file may set, by name, base class first.

    Raises
    ------
    PluginError
        If an annotation names something that does not exist when the plug-in runs.
    """
    key: Any = cls
    return _parameters(key)


@functools.lru_cache(maxsize=512)
def _parameters(cls: Any) -> Mapping[str, Parameter]:
    return types.MappingProxyType(
        {
            field.alias: Parameter(
                name=field.alias, type=_resolve(cls, field), default=field.default, field=field
            )
            for field in attrs.fields(cls)
            if field.init and _given(cls, field) is None
        }
    )


def given(cls: type[Plugin]) -> Mapping[str, Given]:
    """Return the fields of ``cls`` that the engine alone fills in, and with what."""
    found = {field.name: _given(cls, field) for field in attrs.fields(cls)}
    return {name: what for name, what in found.items() if what is not None}


def _given(cls: Any, field: attrs.Attribute[Any]) -> Given | None:
    what = source(_resolve(cls, field))
    return what if what in {"counts", "domain", "hierarchy", "noise", "folder"} else None


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


def complaint(error: BaseException) -> str:
    """Return what an attrs validator (or a plug-in's own check) found, on one line."""
    text = str(error.args[0]) if error.args else ""
    line = " ".join(text.split())
    return line if isinstance(error, ValueError) and line else f"{type(error).__name__}: {line}"


def _example(parameter: Parameter) -> str:
    if parameter.is_column:
        return '"..." (a column name)'
    first = members(parameter.type)[0]
    if typing.get_origin(first) is Literal:
        return quoted(typing.get_args(first)[0])
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
