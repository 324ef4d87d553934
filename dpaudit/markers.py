"""Decorators that turn a plain function into a plug-in of its kind.

The function is returned unchanged, so that it stays as easy to call and to test; the class
that dpaudit uses is its attribute ``__dpaudit__``. Keyword-only arguments become the
parameters that an audit file may set.

Examples
--------
>>> import dpaudit
>>> @dpaudit.decision(name="per-head", unit="dollars")
... def per_head(counts, *, amount: float = 100.0):
...     "Pay the same amount for every person counted."
...     return amount * counts
>>> per_head.__dpaudit__(amount=5.0).amount
5.0
"""

from __future__ import annotations

import functools
import inspect
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import attrs
import numpy as np

from dpaudit.errors import PluginError
from dpaudit.interfaces import (
    Attack,
    Audit,
    Decision,
    Learner,
    Mechanism,
    Mitigation,
    Plugin,
    PostProcessor,
)
from dpaudit.interfaces.model_attack import ModelAttack
from dpaudit.model.guarantee import Guarantee
from dpaudit.parameters import annotation
from dpaudit.values import members, source

if TYPE_CHECKING:
    from dpaudit.model.arrays import FloatArray
    from dpaudit.model.measurement import Measurement

MARK = "__dpaudit__"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
RESERVED = frozenset({"use", "name", "kind", "output", "fail_if", "game", "candidates"})
"""Keys of an audit file that no parameter may have."""

F = TypeVar("F", bound=Callable[..., Any])
Privacy = Guarantee | Callable[..., Guarantee]


@attrs.frozen
class _Shape:
    """What a function of one kind takes first, and the verb it becomes."""

    base: type[Plugin]
    verb: str
    inputs: tuple[str, ...]


_MECHANISM = _Shape(Mechanism, "release", ("counts", "rng"))
_POSTPROCESSOR = _Shape(PostProcessor, "process", ("release",))
_DECISION = _Shape(Decision, "decide", ("counts",))
_LEARNER = _Shape(Learner, "fit", ("data", "rng"))
_ATTACK = _Shape(Attack, "score", ("target", "rng"))
_MODEL_ATTACK = _Shape(ModelAttack, "score", ("target", "rng"))
_AUDIT = _Shape(Audit, "measure", ("subject", "rng"))
_MITIGATION = _Shape(Mitigation, "apply", ("subject",))


def mechanism(name: str | None = None, *, privacy: Privacy | None = None) -> Callable[[F], F]:
    """Make a mechanism of ``function(counts, rng, *, parameters)``.

    Parameters
    ----------
    name
        What audit files call it; the function's name with hyphens when left out.
    privacy
        What the release promises: a guarantee, or a function of those parameters of the
        mechanism that it names (``neighbours`` and ``cells_per_person`` among them; if not
        the latter, it must be 1). Without it nothing is promised: epsilon is infinite.
    """

    def release(function: F, values: Mapping[str, Any], counts: Any, rng: Any) -> FloatArray:
        return _floats(function(_readable(counts), rng, **values))

    def promise(self: Mechanism) -> Guarantee:
        return _promise(self, privacy)

    fixed = privacy is not None and not _takes(privacy, "cells_per_person")
    return _marker(_MECHANISM, name, release, {"privacy": promise, "one_cell": fixed})


def postprocessor(name: str | None = None) -> Callable[[F], F]:
    """Make a post-processor of ``function(release, *, parameters)``, one release at a time."""

    def process(function: F, values: Mapping[str, Any], release: Any) -> FloatArray:
        return _floats(function(_readable(release), **values))

    return _marker(_POSTPROCESSOR, name, process)


def decision(name: str | None = None, *, unit: str = "share") -> Callable[[F], F]:
    """Make a decision of ``function(counts, *, parameters)``.

    The function sees one release: a read-only array (n,) of counts. It returns the outcome of
    every entity, shape (n,), in ``unit``.
    """

    def decide(function: F, values: Mapping[str, Any], counts: Any) -> FloatArray:
        return _floats(function(_readable(counts), **values))

    return _marker(_DECISION, name, decide, {"unit": unit})


def learner(name: str | None = None) -> Callable[[F], F]:
    """Make a learner of ``function(data, rng, *, parameters)``, which returns a fitted model."""
    return _marker(_LEARNER, name, _plain)


def attack(
    name: str | None = None, *, of: Literal["tables", "models"] = "tables"
) -> Callable[[F], F]:
    """Make an attack of ``function(target, rng, *, parameters)``: one score per candidate.

    The target is a :class:`dpaudit.Target`, or of ``models`` a :class:`dpaudit.ModelTarget`.
    """

    def score(function: F, values: Mapping[str, Any], target: Any, rng: Any) -> FloatArray:
        return _floats(function(target, rng, **values))

    return _marker(_ATTACK if of == "tables" else _MODEL_ATTACK, name, score)


def audit(name: str | None = None) -> Callable[[F], F]:
    """Make an audit of ``function(subject, rng, *, parameters)``: a list of measurements."""

    def measure(
        function: F, values: Mapping[str, Any], subject: Any, rng: Any
    ) -> Sequence[Measurement]:
        return tuple(function(subject, rng, **values))

    return _marker(_AUDIT, name, measure)


def mitigation(name: str | None = None) -> Callable[[F], F]:
    """Make a mitigation of ``function(subject, *, parameters)``: the changed subject."""
    return _marker(_MITIGATION, name, _plain)


def _marker(
    shape: _Shape, name: str | None, call: Callable[..., Any], body: Mapping[str, Any] | None = None
) -> Callable[[F], F]:
    if callable(name):
        raise PluginError(
            f"{_where(name)}: the decorator is called with the function itself",
            hint=f"write @dpaudit.{shape.base.kind}(), with brackets",
        )

    def mark(function: F) -> F:
        made = _make(function, shape, call, {**(body or {}), "name": _name(function, name)})
        setattr(function, MARK, made)
        return function

    return mark


def _make(
    function: Callable[..., Any], shape: _Shape, call: Callable[..., Any], body: Mapping[str, Any]
) -> type[Plugin]:
    arguments = _arguments(function, shape)
    inherited = {field.name for field in attrs.fields(shape.base)}
    keys = tuple(arguments)

    def act(self: Plugin, *values: Any) -> Any:
        return call(function, {key: getattr(self, key) for key in keys}, *values)

    made = attrs.make_class(
        function.__name__,
        {key: _field(function, arguments[key]) for key in keys if key not in inherited},
        bases=(shape.base,),
        frozen=True,
        slots=True,
        kw_only=True,
        class_body={
            **body,
            shape.verb: act,
            "__doc__": function.__doc__,
            "__reduce__": _reduce,
        },
    )
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__
    return cast("type[Plugin]", made)


def _arguments(function: Callable[..., Any], shape: _Shape) -> dict[str, inspect.Parameter]:
    inputs = shape.inputs
    found = list(inspect.signature(function).parameters.values())
    first, others = found[: len(inputs)], found[len(inputs) :]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(first) < len(inputs) or any(p.kind not in positional for p in first):
        raise PluginError(
            f"{_where(function)}: a {shape.base.kind} takes ({', '.join(inputs)}) first, "
            f"not {inspect.signature(function)}",
            hint=f"write def {function.__name__}({', '.join(inputs)}, *, ...)",
        )
    for parameter in others:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise PluginError(
                f"{_where(function)}: {parameter.name!r} must be keyword-only",
                hint=f"put a * after {first[-1].name!r}, so that audit files can name it",
            )
        if parameter.name in RESERVED:
            raise PluginError(
                f"{_where(function)}: {parameter.name!r} is a key of the audit file itself",
                hint="call the parameter something else",
            )
    return {parameter.name: parameter for parameter in others}


def _field(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    missing = parameter.default is inspect.Parameter.empty
    text = float if parameter.annotation is inspect.Parameter.empty else parameter.annotation
    try:
        wanted = annotation(text, inspect.unwrap(function).__globals__)
    except NameError as error:
        raise PluginError(
            f"{_where(function)}: the type of {parameter.name!r} cannot be found: {error}",
            hint="import it at the top of the module, not only for type checkers",
        ) from error
    is_column = any(source(member) == "column" for member in members(wanted))
    return attrs.field(
        type=wanted,
        default=attrs.NOTHING if missing else parameter.default,
        eq=attrs.cmp_using(eq=np.array_equal) if is_column else True,
    )


def _name(function: Callable[..., Any], name: str | None) -> str:
    found = function.__name__.strip("_").replace("_", "-").lower() if name is None else name
    if not isinstance(found, str) or not NAME.fullmatch(found):
        raise PluginError(
            f"{_where(function)}: {found!r} is no name for a plug-in",
            hint="use small letters, digits and single hyphens",
        )
    return found


def _promise(made: Mechanism, privacy: Privacy | None) -> Guarantee:
    if isinstance(privacy, Guarantee):
        return privacy
    if privacy is None:
        return Guarantee(neighbours=made.neighbours, epsilon=math.inf)
    known = {field.name: getattr(made, field.name) for field in attrs.fields(type(made))}
    return privacy(**{key: value for key, value in known.items() if _takes(privacy, key)})


def _takes(privacy: Privacy, name: str) -> bool:
    """Return whether what states a guarantee is told the parameter ``name``."""
    if isinstance(privacy, Guarantee):
        return False
    wanted = inspect.signature(privacy).parameters
    return name in wanted or any(p.kind is p.VAR_KEYWORD for p in wanted.values())


def _plain(function: Callable[..., Any], values: Mapping[str, Any], *inputs: Any) -> Any:
    return function(*inputs, **values)


def _readable(values: Any) -> FloatArray:
    """Return the same numbers as an array that the plug-in cannot write to."""
    view = np.asarray(values, dtype=np.float64).view()
    view.flags.writeable = False
    return view


def _floats(values: Any) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def _where(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _reduce(self: Plugin) -> tuple[Any, ...]:
    """Pickle by the function's address, because the class is not a name of its module."""
    cls = type(self)
    values = {field.alias: getattr(self, field.name) for field in attrs.fields(cls)}
    return (_restore, (cls.__module__, cls.__qualname__, values))


def _restore(module: str, qualname: str, values: Mapping[str, Any]) -> Plugin:
    if module not in sys.modules:
        __import__(module)
    function = functools.reduce(getattr, qualname.split("."), sys.modules[module])
    return cast("Plugin", getattr(function, MARK)(**values))
