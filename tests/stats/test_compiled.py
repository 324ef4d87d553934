"""The compiled twins give the bits of numpy, and are asked for when they pay."""

import subprocess
import sys

import numpy as np
import pytest

from dpaudit.noise.laplace import laplace_variates
from dpaudit.solvers import simplex
from dpaudit.solvers.simplex import project_onto_simplex, simplex_threshold
from dpaudit.stats import compiled, moments, streams
from dpaudit.stats.compiled import ENOUGH, SETTING, Switch
from dpaudit.stats.moments import Moments

USERS = (moments, simplex, streams)


@pytest.fixture
def both(monkeypatch):
    """Return what a call gives with numpy alone, and with the twins."""
    pytest.importorskip("numba", reason="the extra 'fast' is not installed")

    def called(call):
        found = []
        for setting in ("never", "always"):
            monkeypatch.setenv(SETTING, setting)
            switch = Switch()
            for module in USERS:
                monkeypatch.setattr(module, "kernel", switch.kernel)
            monkeypatch.setattr("dpaudit.noise.laplace.kernel", switch.kernel)
            found.append(call())
        assert switch.kernel("turn", 1) is not None
        return found

    return called


@pytest.mark.parametrize(
    "shape", [(64, 1001), (64, 64), (32, 3), (2, 70), (1, 65), (5, 1), (64, 2)], ids=str
)
def test_moments_of_errors(both, shape):
    rows = np.random.default_rng(1).normal(0.1, 1.0, shape) ** 3
    rows[:, -1] = 0.0
    plain, twins = both(lambda: Moments.of_errors(rows))
    for one, other in zip(plain, twins, strict=True):
        for name in ("mean", "m2", "m4"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@pytest.mark.parametrize("n", [2048, 5003, 40_000])
@pytest.mark.parametrize("total", [0.0, 1e-300, 1.0, 1e5, 1e12])
def test_projections(both, n, total):
    rng = np.random.default_rng(n)
    rows = np.exp(rng.normal(5.0, 1.5, (3, n))) + rng.laplace(0.0, 50.0, (3, n))
    plain, twins = both(lambda: project_onto_simplex(rows, total))
    assert plain.tobytes() == twins.tobytes()
    plain, twins = both(lambda: simplex_threshold(rows, total))
    assert plain.tobytes() == twins.tobytes()


@pytest.mark.parametrize("odd", [0, 1], ids=["even", "half a word kept"])
def test_variates_and_the_generator_behind_them(both, odd):
    def drawn():
        rng = np.random.Generator(np.random.SFC64(7))
        rng.integers(0, 2**32, size=odd, dtype=np.uint32)
        (unit,) = laplace_variates(rng, (64, 5001))  # enough for the ziggurat's tail
        return np.append(unit.reshape(-1), rng.random(3))

    plain, twins = both(drawn)
    assert np.abs(plain).max() > 8.0
    assert plain.tobytes() == twins.tobytes()


def test_other_generators_are_left_to_numpy(both):
    draws = both(lambda: streams.standard_exponentials(np.random.default_rng(3), (2, 5)))
    np.testing.assert_array_equal(*draws)


def test_twins_are_not_loaded_for_little_work(monkeypatch):
    asked = []
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setattr(compiled, "_compiled", lambda: asked.append(1) or {"turn": max})
    switch = Switch()
    assert switch.kernel("turn", ENOUGH - 1) is None
    assert not asked
    assert switch.kernel("turn", 1) is max
    assert switch.kernel("turn", 1) is max
    assert asked == [1]


def test_a_setting_keeps_them_away(monkeypatch):
    monkeypatch.setenv(SETTING, "never")
    assert Switch().kernel("turn", 2 * ENOUGH) is None


@pytest.mark.parametrize("broken", [False, True], ids=["missing", "broken"])
def test_without_numba_it_is_numpy(monkeypatch, broken):
    monkeypatch.setenv(SETTING, "always")
    monkeypatch.setitem(sys.modules, "dpaudit.stats.kernels", None)
    if not broken:
        monkeypatch.setattr(compiled.importlib.util, "find_spec", lambda _: None)
    switch = Switch()
    assert switch.kernel("turn", 1) is None
    assert switch.kernel("turn", 1) is None


def test_nothing_of_it_is_imported_at_first():
    code = "import sys, dpaudit.engine.run; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
