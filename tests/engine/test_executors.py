"""The same numbers wherever they are made, and errors that say what a machine lacks."""

import concurrent.futures as cf
import multiprocessing
import sys
import time
import types
from pathlib import Path

import attrs
import pytest
from distributed import LocalCluster

import dpaudit
from dpaudit.engine import executors, work
from dpaudit.engine.chunks import Chunk, Unit
from dpaudit.engine.measurer import measure_elsewhere
from dpaudit.engine.prepare import prepare
from dpaudit.engine.runner import completed
from dpaudit.engine.work import Work

AUDIT = """
title = "Anywhere"
plugins = ["steps.py"]

[data]
file = "districts.csv"
status = "public"
entity = "id"
count = "poor"
groups = ["state"]

[run]
seed = 3
draws = 900

[[release]]
name = "projected"
mechanism = { use = "geometric", epsilon = [0.1, 1.0] }
neighbours = "replace"
postprocess = [{ use = "simplex" }]

[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = 0.1 }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]

[[decision]]
use = "allotment"
appropriation = 1_000_000

[[decision]]
use = "in-steps"

[[audit]]
use = "bias"
"""

PLUGIN = '''
import numpy as np
import dpaudit


@dpaudit.decision(name="in-steps", unit="dollars")
def in_steps(counts, *, step: float = 50.0):
    """Pay for every full step."""
    return 1000.0 * np.floor(np.maximum(counts, 0.0) / step)
'''


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    rows = [f"{i:03d},{'ABC'[i % 3]},{i * i % 997}" for i in range(150)]
    (folder / "districts.csv").write_text("\n".join(["id,state,poor", *rows]))
    (folder / "steps.py").write_text(PLUGIN)
    (folder / "audit.toml").write_text(AUDIT)
    return folder / "audit.toml"


@pytest.fixture(scope="module")
def spec(audit):
    return dpaudit.load(audit)


def content(results):
    """Return every bit of what was measured."""
    found = []
    for each in results.measurements:
        estimate = each.estimate
        arrays = (estimate.value, estimate.low, estimate.high)
        found.append((each.task, each.quantity, each.over, *(a.tobytes() for a in arrays)))
    return found


@pytest.fixture(scope="module")
def whole(spec):
    return content(dpaudit.run(spec))


@pytest.mark.parametrize(
    "how",
    [
        {"workers": 2},
        {"workers": 7},
        {"chunk": 1},
        {"chunk": 3, "workers": 2},
        {"chunk": 1000},
        {"executor": "processes", "workers": 2},
    ],
    ids=str,
)
def test_the_numbers_do_not_depend_on_how_they_are_made(spec, whole, how):
    assert content(dpaudit.run(spec, **how)) == whole


def test_any_executor_will_do(spec, whole):
    with cf.ThreadPoolExecutor(3) as threads:
        assert content(dpaudit.run(spec, executor=threads)) == whole
    context = multiprocessing.get_context("spawn")
    with cf.ProcessPoolExecutor(2, mp_context=context) as processes:
        assert content(dpaudit.run(spec, executor=processes, workers=2)) == whole
        assert content(dpaudit.run(spec, executor=processes, chunk=5)) == whole  # still open


@pytest.mark.slow
def test_dask_on_this_machine_gives_the_same_numbers(spec, whole):
    assert content(dpaudit.run(spec, executor="dask", workers=2)) == whole


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_numbers(spec, whole, tmp_path):
    with LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster:
        executor = f"dask:{cluster.scheduler_address}"
        assert content(dpaudit.run(spec, executor=executor, cache=tmp_path)) == whole
        assert content(dpaudit.run(spec, executor=executor, chunk=1)) == whole
    assert content(dpaudit.run(spec, cache=tmp_path)) == whole  # of what the cluster measured


class Ray(types.ModuleType):
    """What dpaudit uses of Ray, in threads of this process."""

    def __init__(self, fail=None):
        super().__init__("ray")
        self.fail = fail
        self.asked = []
        self.pool = cf.ThreadPoolExecutor(2)

    def init(self, **options):
        if self.fail is not None:
            raise self.fail
        self.asked.append(options)

    def cluster_resources(self):
        return {"CPU": 2.0}

    def remote(self, **_):
        def decorated(function):
            def submit(*args):
                future = self.pool.submit(function, *args)
                return types.SimpleNamespace(future=lambda: future)

            return types.SimpleNamespace(remote=submit)

        return decorated

    def shutdown(self):
        self.pool.shutdown()


def test_ray_gives_the_same_numbers(spec, whole, monkeypatch):
    ray = Ray()
    monkeypatch.setitem(sys.modules, "ray", ray)
    assert content(dpaudit.run(spec, executor="ray", workers=2)) == whole
    assert ray.asked == [{"num_cpus": 2, "include_dashboard": False, "log_to_driver": False}]
    assert ray.pool._shutdown
    with executors.opened("ray:host:6379", 1) as place:
        assert ray.asked[1]["address"] == "host:6379"
        assert place.slots == 2


def test_a_ray_cluster_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", Ray(fail=ConnectionError("nobody\nthere")))
    with (
        pytest.raises(dpaudit.UsageError, match=r"'ray:host:1': no cluster.*nobody there"),
        executors.opened("ray:host:1", 1),
    ):
        pass


@pytest.mark.parametrize("name", ["dusk", "threads:4", "dask:", "", "processes:"])
def test_an_unknown_executor_is_refused_before_anything_is_measured(spec, name, monkeypatch):
    monkeypatch.setattr("dpaudit.engine.run.prepare", None)
    with pytest.raises(dpaudit.UsageError, match="no executor is called") as caught:
        dpaudit.run(spec, executor=name)
    assert repr(name) in caught.value.message
    assert "dask:ADDRESS" in caught.value.hint


@pytest.mark.parametrize("how", [{"workers": 0}, {"chunk": 0}], ids=str)
def test_nothing_is_not_enough(spec, how):
    with pytest.raises(dpaudit.UsageError, match="= 0: nothing would be done"):
        dpaudit.run(spec, **how)


@pytest.mark.parametrize(
    ("name", "library", "hint"),
    [("dask", "distributed", "dpaudit[cluster]"), ("ray", "ray", "ray")],
)
def test_a_library_that_is_missing_is_named(spec, name, library, hint, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(dpaudit.UnavailableError, match=f"executor '{name}'") as caught:
        dpaudit.run(spec, executor=name)
    assert hint in caught.value.hint


def test_a_scheduler_that_is_not_there(spec, monkeypatch):
    import distributed

    def client(address, **_):
        raise OSError(f"Timed out trying to connect to {address}")

    monkeypatch.setattr(distributed, "Client", client)
    with pytest.raises(dpaudit.UsageError, match="no scheduler answers there") as caught:
        dpaudit.run(spec, executor="dask:tcp://10.0.0.1:8786")
    assert "'dask:tcp://10.0.0.1:8786'" in caught.value.message
    assert "dask scheduler" in caught.value.hint


class Lost(cf.Executor):
    """Loses every call."""

    def submit(self, fn, /, *args, **kwargs):
        future = cf.Future()
        future.set_exception(cf.BrokenExecutor("out of\nmemory"))
        return future


def test_workers_that_are_lost_are_said_and_the_rest_is_cancelled(spec):
    with pytest.raises(
        dpaudit.PluginError, match="lost its workers: BrokenExecutor: out of memory"
    ):
        dpaudit.run(spec, executor=Lost())
    waiting = [cf.Future() for _ in range(3)]
    waiting[0].set_exception(cf.BrokenExecutor("gone"))
    units = [Unit(tasks=("t",), chunk=Chunk(i, 1), foreign=False) for i in range(9)]
    left = iter(waiting)
    with pytest.raises(dpaudit.PluginError, match="gone"):
        list(completed(units, lambda _: next(left), 3))
    assert [future.cancelled() for future in waiting] == [False, True, True]


def test_plugin_files_travel(audit, spec, tmp_path):
    """Another process needs neither the plug-in file nor the same folder to stand in."""
    packed = Work.of(prepare(spec))
    (audit.parent / "steps.py").rename(tmp_path / "steps.py")
    try:
        prepared = packed.prepare()
    finally:
        (tmp_path / "steps.py").rename(audit.parent / "steps.py")
    assert set(prepared.controlled) == set(prepare(spec).controlled)


def test_a_spec_is_prepared_once_for_each_process(spec, monkeypatch):
    counted = []
    original = Work.prepare
    monkeypatch.setattr(Work, "prepare", lambda self: counted.append(1) or original(self))
    changed = attrs.evolve(spec, run=attrs.evolve(spec.run, seed=77))
    packed = Work.of(prepare(changed))
    task = "projected epsilon=0.1 / allotment"
    units = [Unit(tasks=(task,), chunk=Chunk(i, 1), foreign=False) for i in range(4)]
    with cf.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda unit: measure_elsewhere(packed, unit), units))
    assert counted == [1]


def test_data_that_are_not_there_are_named_with_the_machine(audit, spec):
    packed, data = Work.of(prepare(spec)), audit.parent / "districts.csv"
    text = data.read_text()
    data.unlink()
    try:
        with pytest.raises(dpaudit.DataError, match=r"the worker on .*: districts.csv: no such"):
            packed.prepare()
        data.write_text(text.replace("001,B,1", "001,B,2"))
        with pytest.raises(dpaudit.DataError, match="has other data under the name"):
            packed.prepare()
    finally:
        data.write_text(text)


def test_other_versions_are_refused(spec, monkeypatch):
    packed = Work.of(prepare(spec))
    versions = work._versions()
    monkeypatch.setattr(work, "_versions", lambda: versions | {"NumPy": "1.0"})
    with pytest.raises(dpaudit.UnavailableError, match=r"has NumPy 1\.0, and the run has 2"):
        packed.prepare()


def test_another_task_under_the_same_name_is_refused(spec):
    prepared = prepare(spec)
    task, controlled = next(iter(prepared.controlled.items()))
    other = attrs.evolve(controlled.job.task, key="0" * 64)
    changed = attrs.evolve(controlled, job=attrs.evolve(controlled.job, task=other))
    mixed = attrs.evolve(prepared, controlled={**prepared.controlled, task: changed})
    with pytest.raises(dpaudit.PluginError, match="makes another task of 'projected"):
        Work.of(mixed).prepare()


@pytest.mark.parametrize("executor", ["processes", "other"])
def test_a_plugin_from_memory_cannot_go_elsewhere(audit, executor, tmp_path):
    @dpaudit.decision(name="in-memory", unit="dollars")
    def in_memory(counts):
        """Pay each a dollar."""
        return counts

    registry = dpaudit.Registry.discover()
    registry.add(in_memory)
    text = audit.read_text().replace('plugins = ["steps.py"]', "").replace("in-steps", "in-memory")
    path = tmp_path / "audit.toml"
    path.write_text(text)
    Path(tmp_path / "districts.csv").write_bytes((audit.parent / "districts.csv").read_bytes())
    spec = dpaudit.load(path, registry=registry)
    assert dpaudit.run(spec, registry=registry).measurements
    where = Lost() if executor == "other" else executor
    with pytest.raises(dpaudit.UsageError, match="decision 'in-memory' was added from memory"):
        dpaudit.run(spec, registry=registry, executor=where)


def test_idle_worker_processes_of_a_cluster_are_ended(spec, monkeypatch):
    from dpaudit.engine.measurer import Measurer

    prepared = prepare(spec)
    measurer = Measurer(prepared, idle=0.05)
    task = "clipped / in-steps"
    unit = Unit(tasks=(task,), chunk=Chunk(0, 1), foreign=True)
    measurer.measure(unit)
    worker = measurer._all[0]
    worker._process.wait(timeout=60)
    while measurer._all:
        time.sleep(0.01)
    assert measurer.measure(unit)[task][0][0].index == 0  # a new one is started
    measurer.close()
