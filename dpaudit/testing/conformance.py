"""Holds a plug-in of any kind to its word, with parameters that are made up where need be."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import attrs
import numpy as np

from dpaudit import binding
from dpaudit.errors import DataError, DpauditError, SpecError, UsageError
from dpaudit.interfaces import (
    KINDS,
    Attack,
    Audit,
    Decision,
    Learner,
    Mechanism,
    Mitigation,
    Plugin,
    PostProcessor,
)
from dpaudit.model.dataset import Dataset
from dpaudit.noise.laplace import Laplace
from dpaudit.parameters import Parameter, build, given, parameters
from dpaudit.registry import Registry
from dpaudit.testing.attacks import attack_faults
from dpaudit.testing.audits import audit_faults
from dpaudit.testing.decisions import COUNTS, decision_faults
from dpaudit.testing.faults import Fault
from dpaudit.testing.learners import learner_faults, people
from dpaudit.testing.mechanisms import mechanism_faults
from dpaudit.testing.mitigations import mitigation_faults, trials
from dpaudit.testing.postprocessors import postprocessor_faults
from dpaudit.time_limit import limited
from dpaudit.values import MisfitError, convert

PATIENCE = 120.0
"""Seconds that the checks of one plug-in may take."""

_TRIED = (1.0, 1, 0.5, 2, "a", True, [1.0], ["a"])
"""Values that are tried for a parameter that must be given, in turn."""


@attrs.frozen(kw_only=True)
class Conformance:
    """What was found of one plug-in.

    Parameters
    ----------
    kind, name
        The plug-in.
    parameters
        Those that it was tried with.
    faults
        What it does not do as it says; empty where it conforms.
    unchecked
        Why something was not looked at, or nothing.
    """

    kind: str
    name: str
    parameters: Mapping[str, Any]
    faults: tuple[Fault, ...]
    unchecked: str = ""


def conforms(
    what: str, registry: Registry, given_parameters: Mapping[str, Any] | None = None
) -> tuple[Conformance, ...]:
    """Check every plug-in that is called ``what``, or stands in the file of that name.

    Parameters
    ----------
    what
        A name, or a Python file.
    registry
        Where names are looked up; a file is loaded into it.
    given_parameters
        As an audit file gives them; what must be given and is not is made up.

    Raises
    ------
    UsageError
        If there is no such plug-in.
    PluginError
        If the file does not load.
    """
    found = classes(what, registry)
    return tuple(_checked(cls, dict(given_parameters or {}), registry) for cls in found)


def classes(what: str, registry: Registry) -> tuple[type[Plugin], ...]:
    """Return the plug-in classes of that name, of that file or of that package.

    Raises
    ------
    UsageError
        If there is none.
    """
    if what.endswith(".py"):
        known = {cls for kind in KINDS for cls in _of(registry, kind)}
        module = registry.load_file(Path(what))
        own = [cls for kind in KINDS for cls in _of(registry, kind)]
        return tuple(cls for cls in own if cls not in known or cls.__module__ == module.__name__)
    own = [cls for kind in KINDS for cls in _of(registry, kind)]
    found = [cls for cls in own if what in {cls.name, registry.source(cls).distribution}]
    for broken in registry.broken:
        if what in {broken.name, broken.distribution} and not found:
            registry.get("mechanism", broken.name)  # raises with the reason
    if not found:
        raise UsageError(
            f"no plug-in is named {what!r}",
            hint="name a plug-in, a package of plug-ins or a Python file; see dpaudit plugins list",
        )
    return tuple(found)


def _of(registry: Registry, kind: Any) -> list[type[Plugin]]:
    return [registry.get(kind, name) for name in registry.names(kind)]


def _checked(cls: type[Plugin], values: dict[str, Any], registry: Registry) -> Conformance:
    made: dict[str, Any] = values
    unchecked = ""
    try:
        with limited(PATIENCE, f"{cls.kind} {cls.name!r}", hint="mend what hangs"):
            made = {**_made_up(cls, values), **values}
            unchecked = _unchecked(cls, made)
            faults = () if unchecked else tuple(_faults(cls, made, registry))
            unchecked = unchecked or _missing(cls)
    except DpauditError as error:
        more = "give what it needs with --set NAME=VALUE" if isinstance(error, SpecError) else ""
        faults = (Fault(error.message, error.hint or more or "see the error"),)
    except Exception as error:  # noqa: BLE001 - whatever a plug-in raises is its fault
        what = f"it failed with {type(error).__name__}: {error}"
        faults = (Fault(what, "let closed forms return None where they do not apply"),)
    return Conformance(
        kind=cls.kind, name=cls.name, parameters=made, faults=faults, unchecked=unchecked
    )


def _faults(cls: type[Plugin], values: Mapping[str, Any], registry: Registry) -> Iterator[Fault]:
    if issubclass(cls, Audit):
        yield from audit_faults(cls, values)
        return
    plugin = binding.bind(
        build(cls, values), sample(), total=float(sum(COUNTS)), noise=Laplace(5.0)
    )
    if not (cls.__doc__ or "").strip():
        yield Fault("it has no docstring", "say in a sentence what it does: reports print it")
    counts = np.array(COUNTS)
    if isinstance(plugin, Mechanism):
        yield from mechanism_faults(plugin, counts)
    elif isinstance(plugin, PostProcessor):
        yield from postprocessor_faults(plugin, counts)
    elif isinstance(plugin, Decision):
        yield from decision_faults(plugin)
    elif isinstance(plugin, Attack):
        yield from attack_faults(plugin)
    elif isinstance(plugin, Learner):
        yield from learner_faults(plugin)
    elif isinstance(plugin, Mitigation):

        def create(kind: Any, name: str, /, **own: Any) -> Plugin:
            return binding.bind(registry.create(kind, name, **own), sample())

        yield from mitigation_faults(plugin, trials(create))


def sample() -> Dataset:
    """Return five places with a numeric column ``weight`` and a text column ``group``."""
    names = tuple("abcde")
    return Dataset(
        source="a trial",
        digest="0" * 64,
        entities=names,
        names=names,
        counts=np.array(COUNTS),
        count="people",
        columns={
            "people": np.array(COUNTS),
            "weight": np.array([1.5, 2.0, 1.0, 2.5, 3.0]),
            "group": np.array(["x", "x", "y", "y", "y"]),
        },
        status="public",
    )


def _made_up(cls: type[Plugin], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for the parameters that must be given and are not."""
    found: dict[str, Any] = {}
    for name, parameter in parameters(cls).items():
        if parameter.required and name not in values:
            found[name] = "weight" if parameter.is_column else _fitting(cls, parameter)
    return found


def _fitting(cls: type[Plugin], parameter: Parameter) -> Any:
    """Return the first value that the parameter takes."""
    for value in _TRIED:
        with contextlib.suppress(MisfitError):
            convert(value, parameter.type)
            if not parameter.takes_rules:
                return value
    raise UsageError(
        f"{cls.kind} {cls.name!r} needs a value for {parameter.name!r}",
        hint=f"add --set {parameter.name}=VALUE",
    )


def _unchecked(cls: type[Plugin], values: Mapping[str, Any]) -> str:
    """Return why the trial says nothing of a plug-in, or nothing."""
    if issubclass(cls, Audit) and cls.of == "learners":
        return "an audit of learners is checked only where it measures some"
    if issubclass(cls, Learner):
        learner = binding.bind(build(cls, values), sample())
        try:
            learner.check(people())
        except (DataError, UsageError) as error:
            return f"the people of the trial are not what it is made for: {error.message}"
    return ""


def _missing(cls: type[Plugin]) -> str:
    missing = [what for what in cast("Mapping[str, str]", given(cls)).values() if what != "counts"]
    return f"tried without the {missing[0]} that the engine gives" if missing else ""
