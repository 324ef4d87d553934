"""Any function as a mechanism: found beside the audit file, run as foreign code."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

import dpaudit
from dpaudit.data import read
from dpaudit.engine.planner import make_plan
from dpaudit_plugins.mechanisms import callable as module
from dpaudit_plugins.mechanisms.callable import CallableMechanism

FUNCTIONS = """
import numpy as np

number = 3


def shifted(counts, rng, *, by=0.0, weight=1.0):
    return counts + by * np.asarray(weight) + rng.integers(0, 2, size=counts.shape)


def greedy(counts, rng):
    counts[0] = 99.0
    return counts


def short(counts, rng):
    return counts[:1]


def text(counts, rng):
    return np.array(["many"] * counts.size)


def broken(counts, rng):
    raise RuntimeError("no luck\\ntoday")


def slow(counts, rng, *, weight):
    import time

    time.sleep(60)
"""
COUNTS = np.array([1.0, 2.0, 3.0])
rng = np.random.default_rng


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    (tmp_path / "d.csv").write_text("id,n,w\na,1,10\nb,2,20\nc,3,30\n")
    return tmp_path


def test_a_function_of_a_file_releases(folder):
    made = CallableMechanism(
        function="mine.py:shifted",
        folder=folder,
        arguments={"by": 10},
        columns={"weight": np.array([1.0, 0.0, 2.0])},
    )
    released = made.release(COUNTS, rng(1))
    wanted = COUNTS + np.array([10.0, 0.0, 20.0]) + rng(1).integers(0, 2, size=3)
    assert released.tolist() == wanted.tolist()
    assert made.sources() == (folder / "mine.py",)
    assert made.foreign
    (offered,) = module.dpaudit_mechanisms()
    assert offered.name == "callable"


def test_a_function_of_a_package():
    made = CallableMechanism(function="numpy:add", arguments={"casting": "no"})
    assert Path(np.__file__) in made.sources()
    with pytest.raises(dpaudit.PluginError, match="'numpy:add' failed: "):
        made.release(COUNTS, rng())


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("mine.py:broken", r"'mine\.py:broken' failed: RuntimeError: no luck today"),
        ("mine.py:greedy", r"'mine\.py:greedy' failed: ValueError: .*read-only"),
        ("mine.py:short", r"'mine\.py:short' returned the shape \(1,\) for counts of \(3,\)"),
        ("mine.py:text", r"'mine\.py:text' failed: ValueError"),
        ("mine.py:number", r"'mine\.py:number' is not there, or is no function"),
        ("mine.py:absent", r"'mine\.py:absent' is not there"),
        ("no.such.package:f", r"'no\.such\.package:f' cannot be imported: ModuleNotFoundError"),
        ("other.py:f", r"other\.py: no such plug-in file"),
    ],
)
def test_errors_name_the_function(function, message, folder):
    with pytest.raises(dpaudit.PluginError, match=message) as caught:
        CallableMechanism(function=function, folder=folder).release(COUNTS, rng())
    assert caught.value.hint


@pytest.mark.parametrize("function", ["mine.py", "mine.py:", ":f", "a:b:c", "a:1b", ""])
def test_what_is_no_address(function):
    with pytest.raises(ValueError, match="not of the form"):
        CallableMechanism(function=function)


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_a_guarantee_is_what_is_stated(neighbours):
    silent = CallableMechanism(function="a:b", neighbours=neighbours)
    assert (silent.privacy().epsilon, silent.privacy().uncovered) == (math.inf, ())
    assert silent.caveats() == ("no guarantee of a:b is stated: nothing is promised",)
    stated = CallableMechanism(function="a:b", epsilon=0.5, delta=1e-6, neighbours=neighbours)
    promised = stated.privacy()
    assert (promised.epsilon, promised.delta, promised.neighbours) == (0.5, 1e-6, neighbours)
    assert promised.uncovered == ()
    assert stated.caveats() == ("the guarantee of a:b is stated, not checked",)
    concentrated = CallableMechanism(function="a:b", rho=0.1, neighbours=neighbours).privacy()
    assert (concentrated.rho, concentrated.epsilon) == (0.1, math.inf)
    assert concentrated.promises


def audit(folder, function, more=""):
    text = f"""
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "n"

[run]
draws = 64
{more}

[[release]]
mechanism = {{ use = "callable", function = "{function}", columns = {{ weight = "w" }} }}
neighbours = "add-remove"

[[decision]]
use = "counts"

[[audit]]
use = "bias"
"""
    (folder / "audit.toml").write_text(text)
    return dpaudit.load(folder / "audit.toml")


def test_the_task_is_foreign_and_its_key_knows_the_file(folder):
    registry = dpaudit.Registry.discover()

    def task():
        spec = audit(folder, "mine.py:shifted")
        return make_plan(spec, registry, read(spec.data, folder, registry)).tasks[0]

    first = task()
    assert first.foreign
    assert task().key == first.key
    (folder / "mine.py").write_text(FUNCTIONS + "\n# changed\n")
    second = task()
    assert second.key != first.key
    (folder / "helper.py").write_text("FACTOR = 2\n")
    third = task()
    assert third.key != second.key
    (folder / "helper.py").write_text("FACTOR = 3\n")
    assert task().key != third.key


def test_sources_are_found_without_importing(folder, monkeypatch):
    """Every file of a package counts, in the order of names; of a lone module its file alone."""
    package = folder / "swapped_at_home"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "z.py", "a.py", "inner/__init__.py", "inner/steps.py"):
        (package / name).write_text("raise RuntimeError('imported')\n")
    (folder / "lonely.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(folder))

    def names(function):
        found = CallableMechanism(function=function, folder=folder).sources()
        return [file.relative_to(folder).as_posix() for file in found]

    assert names("swapped_at_home.inner.steps:f") == [
        f"swapped_at_home/{name}"
        for name in ("__init__.py", "a.py", "inner/__init__.py", "inner/steps.py", "z.py")
    ]
    assert names("lonely:f") == ["lonely.py"]
    assert names("lonely.py:f") == ["lonely.py", "mine.py"]
    assert names("sys:f") == []
    assert not {"swapped_at_home", "lonely"} & sys.modules.keys()


@pytest.mark.parametrize("function", ["no.such.package:f", "other.py:f", ".odd:f"])
def test_sources_that_are_not_there(function, folder):
    with pytest.raises(dpaudit.PluginError, match=f"callable: the function {function!r}") as caught:
        CallableMechanism(function=function, folder=folder).sources()
    assert caught.value.hint


@pytest.mark.slow
def test_an_audit_runs_it_in_a_worker_process(folder):
    results = dpaudit.run(audit(folder, "mine.py:shifted"))
    assert results.tasks[0].parameters["columns"]["weight"].startswith("a column of 3 values")
    assert "folder" not in results.tasks[0].parameters
    bias = next(m.estimate for m in results.measurements if m.over == "entity")
    # 64 fair coins: the mean is off 1/2 by 0.35 with probability 2e-8 (Hoeffding: 3e-7).
    assert np.all(np.abs(bias.value - 0.5) < 0.35)
    assert results.tasks[0].mechanism == "callable"


@pytest.mark.slow
def test_a_function_that_hangs_is_ended(folder):
    with pytest.raises(dpaudit.PluginError, match="did not finish in 3 seconds"):
        dpaudit.run(audit(folder, "mine.py:slow", "time_limit = 3"))
