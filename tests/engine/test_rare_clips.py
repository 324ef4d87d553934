"""Intervals hold where a rule that declares nothing is moved by clips that few draws show.

1,000 seeded audits each, whose truth is known in closed form; a test fails beyond the binomial's
1e-6 quantile at the nominal rate of 5 %, and the band without its allowance must fail.
"""

from typing import ClassVar

import attrs
import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.engine.job import Job
from dpaudit.engine.tally import Controlled
from dpaudit.estimators.chain import Chain
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Task
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.postprocessors.non_negative import NonNegative

NULLS, DRAWS, SCALE, DIGEST = 1000, 512, 10.0, "0" * 64
ALLOWED = int(stats.binom.isf(1e-6, NULLS, 0.05))


@attrs.frozen(kw_only=True)
class Lost(dpaudit.Decision):
    """Half the count, and 100 for whoever has vanished: nothing of it is declared."""

    name: ClassVar[str] = "lost"
    vectorised: ClassVar[bool] = True

    def decide(self, counts):
        return np.where(counts <= 0, 100.0, 0.5 * np.tanh((counts - 55.0) / 10.0))


@pytest.mark.slow
@pytest.mark.parametrize("clips", [1, 20])
def test_bands_cover_where_clips_are_rare(measured, clips):
    counts = np.round([SCALE * np.log(DRAWS / (2 * clips))])
    data = Dataset(
        source="made", digest=DIGEST, entities=("a",), names=("a",), counts=counts, columns={},
        status="public",
    )  # fmt: skip
    chain = Chain(counts=counts, mechanism=Laplace(epsilon=1.0 / SCALE), steps=(NonNegative(),))
    task = Task(id="t", key="k", release="r", decision="d")
    job = Job.make(task, chain, Lost(), (), groupings={})
    chance = np.exp(-counts[0] / SCALE) / 2.0
    levels = (np.arange(400_000) + 0.5) / 400_000
    drawn = counts[0] + stats.laplace.ppf(chance + (1.0 - chance) * levels, scale=SCALE)
    smooth = np.mean(0.5 * np.tanh((drawn - 55.0) / 10.0))
    truth = 100.0 * chance + (1.0 - chance) * smooth - job.truth[0]
    missed = {"with": 0, "without": 0}
    for seed in range(NULLS):
        subject = measured(Controlled.choose(job, seed, DIGEST), seed, data)
        bias = subject.entity("bias")
        gap = np.abs(bias.value - truth)[0]
        half = (bias.high - bias.value)[0]
        missed["with"] += gap > half
        missed["without"] += gap > half - subject._rare_clips("entity", 0.95)[0]
    assert missed["with"] <= ALLOWED
    if clips == 1:
        assert missed["without"] > ALLOWED, "the negative control must fail"
