"""Measures one job by simulation alone, as the engine does."""

import pytest

from dpaudit.engine.chunks import halves
from dpaudit.engine.subject import MeasuredTask
from dpaudit.engine.tally import tallies
from dpaudit.estimators.known import Known


@pytest.fixture(scope="session")
def measured():
    def measure(controlled, seed, data, blocks=8):
        parts = tallies({"t": controlled}, seed, data.digest, range(blocks))["t"]
        even, odd = halves(parts)
        return MeasuredTask(
            controlled=controlled,
            known=Known(),
            even=even,
            odd=odd,
            data=data,
            confidence=0.95,
            draws=blocks * 64,
        )

    return measure
