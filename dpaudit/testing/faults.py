"""A fault of a plug-in, and the comparisons with simulation that find some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs
import numpy as np

from dpaudit.errors import DpauditError, PluginError
from dpaudit.interfaces import ClosedForm, Plugin
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.stats.bands import agreement
from dpaudit.stats.laws import FALSE_ALARM
from dpaudit.stats.moments import Moments
from dpaudit.stats.proportions import clopper_pearson

COUNTS = (0.0, 1.0, 3.0, 12.0, 150.0)
"""What plug-ins are tried on where no counts are given, persons."""


@attrs.frozen
class Fault:
    """One thing that a plug-in does not do as it says, and the next step."""

    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.what} (help: {self.hint})"


def refuse(plugin: Plugin | type[Plugin], faults: Iterable[Fault]) -> None:
    """Raise a PluginError that lists every fault, if there is one.

    Raises
    ------
    PluginError
        One line for each fault.
    """
    found = list(faults)
    if found:
        listed = "; ".join(str(fault) for fault in found)
        raise PluginError(f"{plugin.kind} {plugin.name!r}: {listed}", hint=found[0].hint)


def mean_differs(
    declared: FloatArray,
    rows: FloatArray,
    error: FloatArray | float = 0.0,
    *,
    reach: float = 0.0,
) -> bool:
    """Return whether a declared mean (n,) disagrees with simulated rows (draws, n).

    An entry that is the same in every draw may still move with a probability of log(1e6 n) over
    the number of draws: by as much as any entry is from 0, or by ``reach`` where all are 0.
    """
    moments = Moments.of(rows)
    size = np.abs(rows).max(axis=0)
    unseen = np.log(declared.size / FALSE_ALARM) / len(rows) * (size.max() or reach)
    rounding = 1e-12 * size + error + np.where(moments.m2 == 0, unseen, 0.0)
    worst, limit = agreement(declared, moments, rounding)
    return worst > limit


def moment_faults(
    bias: ClosedForm, variance: ClosedForm, errors: FloatArray, *, reach: float = 0.0
) -> Iterator[Fault]:
    """Yield where declared moments disagree with simulated errors, shape (draws, n).

    Parameters
    ----------
    bias, variance
        As the plug-in declares them, shape (n,); a variance is compared with the help of a bias.
    errors
        What was released minus the truth.
    reach
        As for :func:`mean_differs`.
    """
    if bias is None:
        return
    centre, slack = _split(bias)
    if mean_differs(centre, errors, slack, reach=reach):
        yield Fault("the declared bias disagrees with simulation", "derive bias(...) again")
    if variance is None:
        return
    spread, more = _split(variance)
    if mean_differs(spread + centre**2, errors**2, slack + more, reach=reach**2):
        yield Fault("the declared variance disagrees with simulation", "derive variance(...) again")


def share_differs(declared: FloatArray, hits: FloatArray, draws: int) -> bool:
    """Return whether declared probabilities (n,) disagree with counts of hits out of draws."""
    low, high = clopper_pearson(hits, draws, FALSE_ALARM / (2.0 * declared.size))
    return bool(np.any((declared < low - 1e-12) | (declared > high + 1e-12)))


def form_faults(
    verb: str, call: Callable[[], FloatArray], shape: tuple[int, ...], *, repeatable: bool = True
) -> Iterator[Fault]:
    """Yield what is wrong with the result of a call, made twice from the same seed.

    Parameters
    ----------
    verb
        What the plug-in does, as messages name it (``release``, ``process``).
    call
        Does it once, from a new generator with the same seed and on a read-only input.
    shape
        What the result must have.
    repeatable
        Whether the seed decides the result.
    """
    try:
        first, second = call(), call()
    except DpauditError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a plug-in raises is its fault
        hint = "make a copy before you write" if "read-only" in str(error) else "see the error"
        yield Fault(f"{verb} failed: {type(error).__name__}: {error}", hint)
        return
    if np.shape(first) != shape:
        yield Fault(
            f"{verb} returns shape {np.shape(first)} for an input of shape {shape}",
            "return one value for each count",
        )
        return
    if not np.isfinite(first).all():
        yield Fault(f"{verb} returns values that are not finite", "mind zeros and negatives")
    if repeatable and not np.array_equal(first, second):
        yield Fault(
            f"two calls of {verb} with the same seed differ",
            "draw from the generator that is passed, and from nothing else",
        )
    if uses_global_state(call):
        yield Fault(
            f"{verb} draws from numpy's global random state", "use the generator that is passed"
        )


def _split(known: FloatArray | Estimate) -> tuple[FloatArray, FloatArray | float]:
    """Return the value of a closed form and its error."""
    if isinstance(known, Estimate):
        return known.value, known.high - known.value
    return known, 0.0


def uses_global_state(call: Callable[[], object]) -> bool:
    """Return whether a call draws from numpy's global random state."""
    before = np.random.get_state(legacy=False)  # noqa: NPY002 - it must stay untouched
    call()
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    return not _same(before, after)


def _same(a: object, b: object) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))
