"""The cache: whole entries or none, one writer for each, shared by runs, proof against a kill."""

import hashlib
import os
import subprocess
import sys
import threading
import time

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.engine import cache as module
from dpaudit.engine.cache import Cache
from dpaudit.engine.chunks import Chunk, measure_chunk
from dpaudit.engine.prepare import prepare

AUDIT = """
title = "Kept"

[data]
file = "builtin:california-districts"
status = "public"
entity = "district_id"
count = "eligible_children"
groups = ["county"]

[run]
draws = 2000

[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = [0.01, 0.1] }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]

[[release]]
name = "projected"
mechanism = { use = "geometric", epsilon = 0.1 }
neighbours = "replace"
postprocess = [{ use = "simplex" }]

[[decision]]
use = "allotment"
weights = "expenditure_per_student"
appropriation = 1_000_000
"""

RUN = """
import attrs, pathlib, sys, dpaudit
spec = dpaudit.load(pathlib.Path(sys.argv[1]))
spec = attrs.evolve(spec, run=attrs.evolve(spec.run, draws=int(sys.argv[3])))
dpaudit.run(spec, workers=2, cache=pathlib.Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "audit.toml"
    path.write_text(AUDIT)
    return path


def spec_of(path, draws=2000):
    spec = dpaudit.load(path)
    return attrs.evolve(spec, run=attrs.evolve(spec.run, draws=draws))


def digest(results):
    found = hashlib.sha256(repr(results.notes).encode())
    for each in results.measurements:
        estimate = each.estimate
        found.update(repr((each.task, each.quantity, each.over, estimate.method)).encode())
        found.update(estimate.value.tobytes() + estimate.low.tobytes() + estimate.high.tobytes())
    return found.hexdigest()


def entries(folder):
    return sorted(folder.rglob("*.npz"))


def started(audit, folder, draws):
    return subprocess.Popen([sys.executable, "-c", RUN, str(audit), str(folder), str(draws)])


@pytest.fixture(scope="module")
def measured(audit):
    prepared = prepare(spec_of(audit))
    jobs = {"t": next(iter(prepared.controlled.values()))}
    return measure_chunk(jobs, 0, prepared.data.digest, Chunk(0, 4))["t"]


KEY = "ab" + "0" * 62


def test_an_entry_comes_back_bit_for_bit(tmp_path, measured):
    cache = Cache(tmp_path)
    assert cache.read(KEY, Chunk(0, 4)) is None
    cache.write(KEY, Chunk(0, 4), measured)
    back = cache.read(KEY, Chunk(0, 4))
    for nodes, others in zip(back, measured, strict=True):
        for node, other in zip(nodes, others, strict=True):
            assert (node.level, node.index) == (other.level, other.index)
            for part in ("error", "bias", "square", "shortfall"):
                mine, own = node.part.part(part), other.part.part(part)
                assert mine.count == own.count
                for field in ("mean", "m2", "m4"):
                    np.testing.assert_array_equal(getattr(mine, field), getattr(own, field))
    assert cache.read(KEY, Chunk(4, 4)) is None
    assert cache.read(KEY, Chunk(0, 2)) is None


@pytest.mark.parametrize("harm", ["cut", "empty", "flipped", "other bytes"])
def test_a_damaged_entry_is_said_and_measured_again(audit, tmp_path, harm):
    spec = spec_of(audit, 600)
    whole = digest(dpaudit.run(spec, cache=tmp_path))
    entry = entries(tmp_path)[1]
    good = entry.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    other = hashlib.sha256(b"other").digest() + b"other"
    bad = {"cut": good[:-7], "empty": b"", "flipped": bytes(flipped), "other bytes": other}
    entry.write_bytes(bad[harm])
    said = []

    class Watch(dpaudit.engine.runner.NoProgress):
        def said(self, message):
            said.append(message)

    assert digest(dpaudit.run(spec, cache=tmp_path, progress=Watch())) == whole
    assert len(said) == 1
    assert str(entry) in said[0]
    assert "measured again" in said[0]
    assert entry.read_bytes() == good


def test_damage_goes_to_the_log_where_nobody_watches(audit, tmp_path, caplog):
    spec = spec_of(audit, 128)
    dpaudit.run(spec, cache=tmp_path)
    entries(tmp_path)[0].write_bytes(b"")
    dpaudit.run(spec, cache=tmp_path)
    assert "is damaged (its checksum does not match): it is measured again" in caplog.text


def test_more_draws_take_up_where_fewer_ended(audit, tmp_path):
    """4,000 draws after 2,000 measure only what is missing, and are 4,000 draws."""
    dpaudit.run(spec_of(audit, 2000), cache=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in entries(tmp_path)}
    drawn = []

    class Watch(dpaudit.engine.runner.NoProgress):
        def started(self, total_draws):
            drawn.append(total_draws)

    after = dpaudit.run(spec_of(audit, 4000), cache=tmp_path, progress=Watch())
    assert drawn == [3 * 32 * 64]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(entries(tmp_path)) == 2 * len(before)
    assert digest(after) == digest(dpaudit.run(spec_of(audit, 4000)))


def test_one_of_two_writers_writes(tmp_path, measured, monkeypatch):
    """The second comes while the first is writing: it goes on without waiting."""
    cache, written, go = Cache(tmp_path), threading.Event(), threading.Event()
    flushed, calls = module._flushed, []

    def slowly(file, content):
        calls.append(content)
        flushed(file, content)
        written.set()
        assert go.wait(30)

    monkeypatch.setattr(module, "_flushed", slowly)
    first = threading.Thread(target=cache.write, args=(KEY, Chunk(0, 4), measured))
    first.start()
    assert written.wait(30)
    cache.write(KEY, Chunk(0, 4), measured)
    assert cache.read(KEY, Chunk(0, 4)) is None  # nobody sees half an entry
    go.set()
    first.join()
    assert cache.read(KEY, Chunk(0, 4)) is not None
    cache.write(KEY, Chunk(0, 4), measured)
    assert len(calls) == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{KEY}-000000-4.npz"]


def test_what_a_killed_writer_left_is_taken_over(tmp_path, measured):
    cache = Cache(tmp_path)
    left = tmp_path / KEY[:2] / f".{KEY}-000000-4.npz.part"
    left.parent.mkdir()
    left.write_bytes(b"half")
    cache.write(KEY, Chunk(0, 4), measured)
    assert cache.read(KEY, Chunk(0, 4)) is None  # its writer may still be at it
    os.utime(left, (time.time() - 100, time.time() - 100))
    cache.write(KEY, Chunk(0, 4), measured)
    assert cache.read(KEY, Chunk(0, 4)) is not None
    assert not left.exists()


def test_a_writer_that_fails_leaves_nothing(tmp_path, measured, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_flushed", full)
    with pytest.raises(dpaudit.UsageError, match="No space left") as caught:
        Cache(tmp_path).write(KEY, Chunk(0, 4), measured)
    assert str(tmp_path) in caught.value.message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_stopped(audit, tmp_path):
    spec = spec_of(audit, 20_000)
    whole = digest(dpaudit.run(spec))
    process = started(audit, tmp_path, 20_000)
    while len(entries(tmp_path)) < 5 and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 0 < len(entries(tmp_path)) < 3 * 79, "the kill must come in the middle"
    assert digest(dpaudit.run(spec, cache=tmp_path)) == whole
    assert digest(dpaudit.run(spec, cache=tmp_path)) == whole


@pytest.mark.slow
def test_two_runs_write_at_once_while_one_is_killed(audit, tmp_path):
    """Whoever is killed whenever, what the other one and those after it find is right."""
    draws = 20_000
    whole = digest(dpaudit.run(spec_of(audit, draws)))
    survivor = started(audit, tmp_path, draws)
    killed = 0
    while survivor.poll() is None:
        other = started(audit, tmp_path, draws)
        seen = len(entries(tmp_path))
        while len(entries(tmp_path)) < seen + 7 and survivor.poll() is None:
            time.sleep(0.005)
        other.kill()
        other.wait()
        killed += 1
    assert survivor.returncode == 0
    assert killed
    assert digest(dpaudit.run(spec_of(audit, draws), cache=tmp_path)) == whole
    assert len(entries(tmp_path)) <= 3 * 79
