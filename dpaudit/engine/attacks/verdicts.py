"""The verdict on an attack: exposed, not shown, or an attack that shows nothing either way."""

from __future__ import annotations

from dpaudit.model.attack import LEAST_EXCESS, Exposure
from dpaudit.model.estimate import Estimate
from dpaudit.stats.replicates import FEWEST_REPLICATES

SURE = 1.0 - 2e-5
"""Level of the interval of the null: an honest attack is called uninformative by chance once in
100,000 times, whatever the confidence of the run."""


def verdict_of(
    *, excess: Estimate, null: Estimate | None, exact: Estimate | None, replicates: int | None
) -> tuple[Exposure, str]:
    """Return the verdict, and why in a word: empty, few, null, above, weak or below.

    Parameters
    ----------
    excess
        By how much the attack is above its largest baseline: it exposes somebody if that is more
        than :data:`dpaudit.model.attack.LEAST_EXCESS` for certain.
    null
        The same on releases that carry no information, at level :data:`SURE`: an attack that
        is above the baseline there counts something else, and shows nothing.
    exact
        The same on the table as it is: an attack that fails there cannot show that a release
        protects anybody. A control is ``None`` where it could not be played: a table that hides
        nothing is none of an attack on what is hidden.
    replicates
        Releases in which there was somebody on both sides; ``None`` of a closed form.

    Examples
    --------
    >>> above = Estimate(value=0.2, low=0.1, high=0.3, level=0.95, method="simulated", draws=20)
    >>> none = Estimate(value=0.0, low=-0.1, high=0.1, level=0.95, method="simulated", draws=20)
    >>> [verdict_of(excess=e, null=none, exact=above, replicates=20)[0]
    ...  for e in (above, none)]
    ['exposed', 'not shown']
    """
    if replicates is not None and replicates < FEWEST_REPLICATES:
        return "uninformative", "few" if replicates else "empty"
    if null is not None and null.low > 0:
        return "uninformative", "null"
    if excess.low > LEAST_EXCESS:
        return "exposed", "above"
    if exact is not None and not exact.low > LEAST_EXCESS:
        return "uninformative", "weak"
    return "not shown", "below"
