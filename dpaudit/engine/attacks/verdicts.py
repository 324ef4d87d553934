"""The verdict on an attack: exposed, not shown, or an attack that shows nothing either way."""

from __future__ import annotations

from dpaudit.model.attack import Exposure
from dpaudit.model.estimate import Estimate


def verdict_of(
    *, excess: Estimate, null: Estimate, exact: Estimate, hidden: bool = True
) -> tuple[Exposure, str]:
    """Return the verdict, and why in a word: empty, null, above, weak or below.

    Parameters
    ----------
    excess
        By how much the attack is above its largest baseline.
    null
        The same on releases that carry no information: an attack that is above the baseline
        there counts something else, and shows nothing.
    exact
        The same on the table as it is: an attack that fails there cannot show that a release
        protects anybody.
    hidden
        Whether there was anything to attack.

    Examples
    --------
    >>> above = Estimate(value=0.2, low=0.1, high=0.3, level=0.95, method="simulated", draws=20)
    >>> none = Estimate(value=0.0, low=-0.1, high=0.1, level=0.95, method="simulated", draws=20)
    >>> [verdict_of(excess=e, null=none, exact=x)[0] for e, x in ((above, above), (none, above))]
    ['exposed', 'not shown']
    """
    if not hidden:
        return "uninformative", "empty"
    if _certain(null):
        return "uninformative", "null"
    if excess.low > 0:
        return "exposed", "above"
    if not exact.low > 0:
        return "uninformative", "weak"
    return "not shown", "below"


def _certain(null: Estimate) -> bool:
    """Whether the null is above the baseline by more than chance: six half widths and not one."""
    half = float(null.value - null.low)
    return bool(null.value - _WIDER * half > 0)


_WIDER = 3.0
"""Half widths of a 95 % interval beyond which a t statistic of 20 releases has chance 1e-5."""
