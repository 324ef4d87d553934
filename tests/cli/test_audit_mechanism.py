"""``dpaudit audit-mechanism``: its words, its exit codes, and that it resumes."""

from __future__ import annotations

import json

import pytest

from dpaudit.cli.main import run
from dpaudit.errors import ExitCode

FUNCTIONS = """
import numpy as np

def one(counts, rng, *, scale=2.0):
    return np.rint(counts + rng.laplace(0.0, scale, counts.shape))

def many(counts, rng, runs, scale=0.5):
    return np.rint(counts + rng.laplace(0.0, scale, (runs, counts.size)))

def failing(counts, rng):
    raise ArithmeticError("no noise today")

def uneven(counts, rng):
    return counts[: rng.integers(1, 3)]

number = 3
"""
RUNS = ["--runs", "1500"]


@pytest.fixture
def functions(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FUNCTIONS)
    return str(path)


def audited(*words):
    return run(["audit-mechanism", *words])


def test_what_is_broken_is_said_in_the_words_that_were_promised(functions, capsys):
    assert audited(f"{functions}:many", "--epsilon", "0.5", "--size", "1", *RUNS) == 1
    out = capsys.readouterr().out
    assert "violates (0.5, 0) at confidence 0.95" in out
    assert "could have certified at most" in out


def test_what_is_not_refuted_is_never_called_private(functions, capsys):
    words = (f"{functions}:one", "scale=4.0", "--epsilon", "0.5", "--size", "1", *RUNS)
    assert audited(*words) == 0
    out = capsys.readouterr().out
    assert "not refuted with 1500 runs; could have certified at most" in out
    assert "private" not in out
    assert audited(*words, "--strict") == ExitCode.CANNOT_TELL


def test_built_in_mechanisms_promise_for_themselves(capsys):
    assert audited("geometric", "epsilon=0.5", "--json", *RUNS) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["epsilon"], found["delta"], found["verdict"]) == (0.5, 0.0, "not refuted")
    assert found["epsilon_lower_bound"] < 0.5 < found["largest_certifiable"]
    assert found["runs"] == 1500
    assert audited("geometric", "epsilon=0.5", "--epsilon", "0.05", "--runs", "9000") == 1


def test_floating_point_noise_is_caught_and_a_grid_mends_it(capsys):
    words = ("laplace", "epsilon=0.5", "--size", "1", "--pair", "0:1")
    assert audited(*words, *RUNS) == 1
    assert "by bit grid" in capsys.readouterr().out
    assert audited(*words, "--grid", "1e-6", *RUNS) == 0


def test_a_fixed_number_of_runs_says_what_it_assumes(capsys):
    words = ("gaussian", "epsilon=1", "delta=1e-5", "--fixed", "--pair", "0:1", "--grid", "1e-6")
    assert audited(*words, "--runs", "4000") == 0
    out = capsys.readouterr().out
    assert "under the assumption that its trade-off curve is that of Gaussian noise" in out
    assert audited(*words, "--keep", "x") == 2


def test_an_audit_goes_on_where_it_was(tmp_path, capsys):
    words = ("geometric", "epsilon=1", "--json", "--size", "1", "--keep", str(tmp_path / "kept"))
    audited(*words, "--runs", "512")
    capsys.readouterr()
    before = sorted((tmp_path / "kept").glob("*.npy"))
    assert audited(*words, "--runs", "2048") == 0
    resumed = json.loads(capsys.readouterr().out)
    assert set(before) < set((tmp_path / "kept").glob("*.npy"))
    assert audited(*words[:4], "1", "--runs", "2048") == 0
    assert json.loads(capsys.readouterr().out) == resumed
    assert audited(*words, "--seed", "1") == 2
    assert "another audit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["laplac", "epsilon=1"], 2, "did you mean"),
        (["laplace", "epsilon"], 2, "is no parameter"),
        (["laplace", "epsilon=-1"], 2, "epsilon"),
        (["laplace", "epsilon=1", "--pair", "0,1"], 2, "is no pair"),
        (["laplace", "epsilon=1", "--counts", "a,b"], 2, "are no numbers"),
        (["laplace", "epsilon=1", "--neighbours", "queries"], 2, "not answers to queries"),
        (["cell-suppression", "threshold=10"], 2, "give --epsilon"),
        (["laplace", "epsilon=1", "--epsilon", "nan"], 2, "cannot be refuted"),
        (["no.such.module:f", "--epsilon", "1"], 3, "cannot be imported"),
        (["FILE:nothing", "--epsilon", "1"], 3, "no function 'nothing'"),
        (["FILE:number", "--epsilon", "1"], 3, "no function 'number'"),
        (["FILE:failing", "--epsilon", "1"], 3, "no noise today"),
        (["FILE:uneven", "--epsilon", "1"], 3, "different lengths"),
    ],
)
def test_what_is_wrong_is_named(words, code, told, functions, capsys):
    words = [word.replace("FILE", functions) for word in words]
    assert audited(*words, *RUNS) == code
    assert told in capsys.readouterr().err


def test_the_canaries_of_one_run_are_bounded(capsys):
    words = ["audit-canaries", "1000", "100", "100", "--delta", "1e-5"]
    assert run([*words, "--epsilon", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["epsilon_lower_bound"] == pytest.approx(3.465376, abs=1e-5)
    assert found["gaussian_epsilon_assumed"] == pytest.approx(5.549028, abs=1e-5)
    assert run([*words, "--epsilon", "2"]) == 1
    out = capsys.readouterr().out
    assert "violates (2, 1e-05) at confidence 0.95" in out
    assert "under the assumption" in out
    assert run(["audit-canaries", "10", "20", "5", "--epsilon", "1"]) == 2
