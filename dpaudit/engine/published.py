"""What sets an audit for a public report apart: what it refuses, and wider intervals."""

from __future__ import annotations

from typing import Protocol

import attrs

from dpaudit.config.public_table import refuse_uncovered
from dpaudit.engine.bootstrap import maker, widened
from dpaudit.engine.prepare import Prepared
from dpaudit.errors import SpecError, UsageError
from dpaudit.model.dataset import Dataset
from dpaudit.model.public import PublicSpec
from dpaudit.model.results import Results
from dpaudit.model.spec import Spec

_FEW_DRAWS = 512
"""Draws of each audit of a bootstrap: what they lack widens the interval."""


class Run(Protocol):
    """Measures an audit of other data than its spec names."""

    def __call__(self, spec: Spec, *, dataset: Dataset) -> Results:
        """Return the results."""


def refuse_private(spec: Spec, prepared: Prepared | None = None) -> None:
    """Keep what a public report must not be made of out of it.

    Raises
    ------
    SpecError
        If a release was made from the confidential counts elsewhere.
    UsageError
        If the audit is for a report through noise, or holds learners or attacks.
    """
    if spec.public is None:
        return
    refuse_uncovered(training=spec.training is not None, attacks=bool(spec.attacks))
    if spec.public.mode == "dp":
        raise UsageError(
            "an audit for a report through noise is not measured openly",
            hint="dpaudit report --public dp makes it, or dpaudit.engine.disclosure.disclose",
        )
    for each in prepared.controlled.values() if prepared else ():
        if each.job.chain.replicates is not None:
            raise SpecError(
                f"release {each.job.task.release!r} was made from the confidential counts, and "
                "several releases of them tell more than one",
                hint="take it out of the audit file for a public report",
            )


def with_bootstrap(results: Results, prepared: Prepared, public: PublicSpec, run: Run) -> Results:
    """Widen every interval by what the noise of the published release does to it.

    Raises
    ------
    SpecError
        If a plug-in from a file takes part: it is not measured so often.
    """
    if foreign := [r.task.id for r in results.tasks if r.task.foreign]:
        raise SpecError(
            f"task {foreign[0]!r} uses a plug-in from a file, which is not measured again for "
            "the intervals of a published release",
            hint="install the plug-in as a package, or use --public proxy",
        )
    job = maker([each.job for each in prepared.controlled.values()], public)
    few = attrs.evolve(results.spec.run, draws=min(results.spec.run.draws, _FEW_DRAWS))
    spec = attrs.evolve(results.spec, run=few)
    measured = widened(
        results, job, lambda dataset: run(spec, dataset=dataset), count=public.bootstrap
    )
    return attrs.evolve(results, measurements=measured)
