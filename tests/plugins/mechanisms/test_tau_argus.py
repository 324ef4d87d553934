"""The plug-in package of examples/tau_argus, with Tau-Argus itself."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

import dpaudit

FOLDER = Path(__file__).parents[3] / "examples" / "tau_argus"
AREA, SEX = np.repeat(list("ABCD"), 2), np.tile(["f", "m"], 4)
COUNTS = np.array([12.0, 2.0, 7.0, 9.0, 1.0, 15.0, 20.0, 30.0])
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cls():
    return dpaudit.Registry.discover(files=[FOLDER / "tau_argus.py"]).get("mechanism", "tau-argus")


def made(cls, **parameters):
    return cls(**{"spanning": (AREA, SEX), **parameters})


def reach(counts, hidden):
    """The least and the largest value of each hidden count, by linear programming on margins."""
    rows = [column == label for column in (AREA, SEX) for label in np.unique(column)]
    margins = np.array(rows, dtype=np.float64)
    bounds = [(0, None) if h else (x, x) for x, h in zip(counts, hidden, strict=True)]
    found = []
    for cell in np.flatnonzero(hidden):
        goal = np.eye(counts.size)[cell]
        ends = [
            linprog(s * goal, A_eq=margins, b_eq=margins @ counts, bounds=bounds) for s in (1, -1)
        ]
        found.append((ends[0].fun, -ends[1].fun))
    return np.array(found)


def test_margins_leave_every_suppressed_count_uncertain(cls):
    hidden = made(cls).suppressed(COUNTS)
    assert hidden[[1, 4]].all()
    assert hidden.sum() == 4
    bounds = reach(COUNTS, hidden)
    assert np.all(bounds[:, 1] - bounds[:, 0] >= 1.0)
    # The control: with the small counts alone suppressed, the margins give both away.
    alone = reach(COUNTS, (COUNTS > 0) & (COUNTS < 3))
    np.testing.assert_allclose(alone[:, 0], alone[:, 1], atol=1e-9)


def test_release_and_closed_forms(cls):
    mechanism = made(cls, fill=1.5)
    released = mechanism.release(COUNTS, np.random.default_rng())
    hidden = mechanism.suppressed(COUNTS)
    assert np.all(released[hidden] == 1.5)
    assert np.array_equal(released[~hidden], COUNTS[~hidden])
    np.testing.assert_array_equal(mechanism.bias(COUNTS), released - COUNTS)
    assert np.all(mechanism.variance(COUNTS) == 0)
    assert (mechanism.privacy().delta, mechanism.privacy().every_epsilon) == (1.0, True)
    assert mechanism.caveats()


def test_order_of_the_data_does_not_matter(cls):
    order = np.random.default_rng(1).permutation(8)
    hidden = made(cls, spanning=(AREA[order], SEX[order])).suppressed(COUNTS[order])
    small = COUNTS[order] < 3
    assert np.all(hidden[small])
    assert np.all(reach(COUNTS, hidden[np.argsort(order)])[:, 1] > 0)


def test_nothing_is_left_behind(cls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made(cls).suppressed(COUNTS + 1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_one_line(cls, monkeypatch):
    home = sys.modules[cls.__module__]
    monkeypatch.setattr(home, "_SCRIPT", "raise RuntimeError('no solution')")
    with pytest.raises(dpaudit.PluginError, match="tau-argus: RuntimeError: no solution"):
        made(cls).suppressed(COUNTS + 2.0 * (COUNTS > 5))
    monkeypatch.setattr(home, "_SCRIPT", "import time; time.sleep(60)")
    monkeypatch.setattr(home, "TIME_LIMIT", 0.5)
    with pytest.raises(dpaudit.PluginError, match=r"timed out after 0\.5 seconds"):
        made(cls).suppressed(COUNTS + 3.0 * (COUNTS > 5))


def test_degenerate_tables(cls):
    for counts in (np.zeros(8), np.full(8, 50.0)):
        assert not made(cls).suppressed(counts).any()
    assert made(cls, spanning=(AREA[:1], SEX[:1])).suppressed(np.array([9.0])).tolist() == [False]
    with pytest.raises(dpaudit.DataError, match="A × f stands twice"):
        made(cls, spanning=(np.repeat("A", 8), np.repeat("f", 8))).suppressed(COUNTS)
    for bad in (COUNTS + 0.5, np.full(8, 2.0**53)):
        with pytest.raises(dpaudit.DataError, match="whole number up to"):
            made(cls).suppressed(bad)
    with pytest.raises(dpaudit.DataError, match="for 7 entities"):
        made(cls).suppressed(COUNTS[:7])


@pytest.mark.parametrize(
    "bad", [{"threshold": 0}, {"safety_range": 0}, {"fill": -1.0}, {"fill": math.inf}]
)
def test_parameters(cls, bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        made(cls, **bad)
    with pytest.raises(ValueError, match="spanning"):
        made(cls, spanning=(AREA,))
