"""What ``dpaudit audit-mechanism`` is told to audit."""

from __future__ import annotations

import importlib
import inspect
import math
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs
import numpy as np

from dpaudit.errors import PluginError, UsageError
from dpaudit.privacy.black_box import Claim, InputPair, Relation, Runner, generated, one_by_one

if TYPE_CHECKING:
    from dpaudit.interfaces import Mechanism
    from dpaudit.registry import Registry

_SIZE = 3


@attrs.frozen(kw_only=True, eq=False)
class Target:
    """A mechanism as a black box.

    Parameters
    ----------
    name
        As it was named, with its parameters.
    runner
        Makes runs of it.
    claim
        What it says that it promises, if it does.
    cells
        Counts that one person enters.
    """

    name: str
    runner: Runner
    claim: Claim | None
    cells: int = 1


def target_of(registry: Registry, named: str, words: Sequence[str], neighbours: Relation) -> Target:
    """Return the mechanism of a name (``laplace``) or an address (``module:function``).

    Parameters
    ----------
    registry
        Knows the plug-ins.
    named
        Name of a mechanism, ``package.module:function`` or ``file.py:function``.
    words
        Parameters, ``key=value`` each.
    neighbours
        Who are neighbours.

    Raises
    ------
    UsageError
        If a word is no parameter, or the mechanism cannot be run on a vector of counts.
    PluginError
        If a function cannot be found.
    """
    values = dict(map(_parameter, words))
    shown = ", ".join(f"{key} = {value}" for key, value in values.items())
    name = f"{named} ({shown})" if shown else named
    if ":" in named:
        return Target(name=name, runner=_function(named, values), claim=None)
    if neighbours == "queries":
        raise UsageError(
            f"the mechanism {named!r} releases counts, not answers to queries",
            hint="give --neighbours add-remove or replace",
        )
    made = cast("Mechanism", registry.create("mechanism", named, **values, neighbours=neighbours))
    if made.measures != "entities" or made.takes != "counts" or made.replicates() is not None:
        raise UsageError(
            f"the mechanism {named!r} as set here cannot be run on a vector of counts",
            hint="audit a function that calls it: module:function",
        )
    return Target(
        name=name,
        runner=one_by_one(made.release),
        claim=_promise(made),
        cells=made.cells_per_person,
    )


def inputs_of(
    pairs: Sequence[str], counts: str | None, size: int | None, neighbours: Relation, cells: int
) -> tuple[InputPair, ...]:
    """Return the pairs of inputs that were given as ``1,0:2,0``, or those that are generated."""
    if pairs:
        return tuple(_pair(text) for text in pairs)
    data = None if counts is None else _vector(counts)
    length = size if size is not None else (_SIZE if data is None else data.size)
    return generated(length, neighbours, cells=cells, data=data)


def _parameter(word: str) -> tuple[str, Any]:
    key, equals, value = word.partition("=")
    if not equals or not key.strip():
        raise UsageError(
            f"{word!r} is no parameter", hint="write parameters as key=value: epsilon=0.5"
        )
    try:
        read = tomllib.loads(f"it = {value}")["it"]
    except tomllib.TOMLDecodeError:
        read = value
    return key.strip().replace("-", "_"), read


def _pair(text: str) -> InputPair:
    ours, colon, theirs = text.partition(":")
    if not colon:
        raise UsageError(f"{text!r} is no pair of inputs", hint="write it as 0,1:1,1")
    return InputPair(name=text, ours=_vector(ours), theirs=_vector(theirs))


def _vector(text: str) -> np.ndarray:
    try:
        return np.array([float(part) for part in text.split(",")])
    except ValueError as error:
        raise UsageError(f"{text!r} are no numbers", hint="write them as 0,1,12") from error


def _promise(mechanism: Mechanism) -> Claim | None:
    promised = mechanism.privacy()
    if not promised.promises or promised.uncovered or promised.revealed:
        return None
    epsilon = 0.0 if promised.every_epsilon else promised.epsilon
    return Claim(epsilon=epsilon, delta=promised.delta) if math.isfinite(epsilon) else None


def _function(address: str, values: dict[str, Any]) -> Runner:
    """Return a runner of ``function(counts, rng, **values)``, or of one that takes ``runs``."""
    place, _, name = address.rpartition(":")
    function: Callable[..., Any] | None = getattr(_module(place), name, None)
    if not callable(function):
        raise PluginError(
            f"there is no function {name!r} in {place!r}",
            hint="write def name(counts, rng), which returns one release",
        )
    called = function
    if "runs" in inspect.signature(called).parameters:
        return lambda counts, runs, rng: np.asarray(called(counts, runs=runs, rng=rng, **values))
    return one_by_one(lambda counts, rng: called(counts, rng, **values))


def _module(place: str) -> Any:
    if place.endswith(".py"):
        from dpaudit.plugin_file import import_file

        return import_file(Path(place))
    try:
        return importlib.import_module(place)
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(
            f"{place!r} cannot be imported: {line}",
            hint="install its package, or name a file (file.py:function)",
        ) from error


def guarded(runner: Runner, name: str) -> Runner:
    """Return a runner whose errors name the mechanism."""

    def run(given: Any, runs: int, rng: np.random.Generator) -> Any:
        try:
            return runner(given, runs, rng)
        except (PluginError, KeyboardInterrupt):
            raise
        except Exception as error:
            line = " ".join(f"{type(error).__name__}: {error}".split())
            raise PluginError(
                f"{name} failed on the input {np.asarray(given).tolist()}: {line}",
                hint="call it by hand with this input",
            ) from error

    return run
