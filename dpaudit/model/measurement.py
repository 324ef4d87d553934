"""What a task measured: one quantity, over entities, over a grouping, or as a single number."""

from __future__ import annotations

import attrs

from dpaudit.model.estimate import Estimate


@attrs.frozen(kw_only=True, eq=False)
class Measurement:
    """An estimate with its address.

    Parameters
    ----------
    task
        The identifier of the task (``clipped epsilon=0.1 / title-i-simple``).
    audit
        The name of the audit that measured it.
    quantity
        ``bias``, ``variance``, ``alpha-fairness``, ``cost-of-privacy`` and so on.
    unit
        The unit of the value (``dollars``, ``persons``, ``share``, ``dollars^2``).
    over
        ``total`` for a single number, ``entity``, or the name of a grouping.
    per
        What one value is: ``total`` (the sum over the group), ``entity`` (mean per entity) or
        ``person`` (per person counted).
    labels
        The entities or groups along the axis of the estimate; empty for a single number.
    estimate
        The value with its interval.
    discloses
        What it tells about the data of an audit of learners: ``internal`` (computed from
        confidential records: no public report shows it), ``public-data``, or ``dp(EPSILON)`` where
        it was itself released with that budget; empty: what the status of the data says.
    """

    task: str
    audit: str
    quantity: str
    unit: str
    over: str = "total"
    per: str = "total"
    labels: tuple[str, ...] = ()
    estimate: Estimate
    discloses: str = ""

    def __attrs_post_init__(self) -> None:
        wanted = (len(self.labels),) if self.labels else ()
        if self.estimate.value.shape != wanted:
            raise ValueError(
                f"{self.quantity} over {self.over}: {len(self.labels)} labels, "
                f"estimate of shape {self.estimate.value.shape}"
            )


def noted(message: str) -> str:
    """Return a message as it is: marks what translators of reports have to find."""
    return message


@attrs.frozen(kw_only=True)
class Note:
    """Something the engine must say beside the numbers of a task.

    ``kind`` is ``check`` (a closed form was compared with simulation), ``definition`` (a
    quantity does not exist and another was measured), ``assumption`` (something was not
    checked), ``bound`` (a proved interval of α), ``caveat`` (what a plug-in wants known) or
    ``empty`` (the release may have no positive count); ``values`` are the figures that the
    sentence prints.
    """

    task: str
    kind: str
    message: str
    values: tuple[tuple[str, float], ...] = ()
