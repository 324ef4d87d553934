"""Holds the allotment to what dpaudit asks of it, and to numbers by hand."""

import numpy as np
import pytest
from workforce_allotment import WorkforceAllotment


@pytest.mark.conforms("workforce-allotment")
def test_it_conforms(conforming):
    conforming()


def test_two_halves_by_hand():
    rule = WorkforceAllotment(labour_force=np.array([1000.0, 1000.0]), appropriation=100.0)
    made = rule.decide(np.array([100.0, 50.0]))
    # Only the first area has substantial unemployment; the excess is 55 and 5 people.
    assert made == pytest.approx([50.0 + 50.0 * 55 / 60, 50.0 * 5 / 60])
