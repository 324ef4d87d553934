"""What an attack reaches in closed form, as means over people, overall and by group."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.engine.attacks.jobs import AttackJob
from dpaudit.engine.attacks.judges import share
from dpaudit.engine.attacks.scored import Scored
from dpaudit.model.arrays import FloatArray
from dpaudit.model.attack import Curve
from dpaudit.stats.replicates import spread_p_value


@attrs.frozen(kw_only=True, eq=False)
class Closed:
    """Areas under the curve in the game *known-rest*: each person in turn is in question.

    Parameters
    ----------
    auc
        Of each cell, shape (n,).
    people
        Whom it stands for, shape (n,).
    curve
        The mean over people of the rates of true alarms.
    """

    auc: FloatArray
    people: FloatArray
    curve: Curve

    @property
    def mean(self) -> float:
        """The mean over people."""
        return float(self.by(np.zeros((1, self.auc.size), dtype=np.intp), 1)[0, 0])

    @property
    def worst(self) -> float:
        """The largest of any person."""
        return float(self.auc[self.people > 0].max(initial=0.5))

    def by(self, labels: np.ndarray, count: int) -> FloatArray:
        """Return the means over the people of groups, shape (p, count)."""
        return share(self.auc * self.people, self.people, labels, count)


def closed_of(job: Scored) -> Closed | None:
    """Return the closed form of an attack, where it has one for this release."""
    if not isinstance(job, AttackJob) or job.spec.game != "known-rest":
        return None
    counts = job.counts
    found = job.attack.rates(job.public, np.where(counts > 0, counts - 1.0, -1.0))
    if found is None:
        return None
    weight = counts / max(float(counts.sum()), 1.0)
    return Closed(
        auc=found.auc.value,
        people=counts,
        curve=Curve(fpr=found.fpr, tpr=found.tpr @ weight),
    )


def closed_p_value(job: Scored, closed: Closed, grouping: str, kept: np.ndarray) -> float:
    """Return the p-value of the largest difference of groups under permuted labels."""
    codes, count = job.codes(grouping), len(job.groupings[grouping].labels)
    own = closed.by(codes[None, :], count)[:, kept]
    return spread_p_value(own, closed.by(codes[job.permutations], count)[None, :, kept])
