"""Kills, full disks, locked folders, company and a moved clock: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from dpaudit.cli.main import run
from dpaudit.errors import ExitCode, UsageError
from dpaudit.privacy.black_box.kept import Kept

pytestmark = pytest.mark.slow

SOAK = os.environ.get("DPAUDIT_SOAK") == "1"
"""Whether to take the time for all of it (make soak)."""

AUDIT = """
title = "Killed"
[data]
file = "builtin:california-districts"
status = "public"
entity = "district_id"
count = "eligible_children"
groups = ["county"]
[run]
draws = 1500
[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = 0.01 }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }, { use = "round" }]
[[release]]
name = "projected"
mechanism = { use = "geometric", epsilon = 0.1 }
neighbours = "replace"
postprocess = [{ use = "simplex" }]
[[decision]]
use = "allotment"
weights = "expenditure_per_student"
appropriation = 1_000_000
[[audit]]
use = "bias"
[report]
formats = ["html", "json"]
"""
UNITS = 2 * 6
"""Entries in the cache: two tasks of 24 blocks, four at once."""


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    path = tmp_path_factory.mktemp("faults") / "audit.toml"
    path.write_text(AUDIT)
    return path


@pytest.fixture(scope="module")
def whole(audit, tmp_path_factory):
    """What the audit writes where nothing happens to it."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(["report", str(audit), "--out", str(folder), "--no-cache", "-q"]) == 0
    return visible(folder)


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A folder to work in, with the cache in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DPAUDIT_CACHE", "cache")
    return tmp_path


def visible(folder):
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.glob("[!.]*"))
        if path.name != "run.json"
    }


def entries(folder):
    return sorted(folder.rglob("*.npz"))


@pytest.mark.parametrize(
    ("command", "kills"), [("run", 100 if SOAK else 8), ("report", 20 if SOAK else 3)]
)
def test_whatever_is_killed_goes_on_to_the_same_bytes(command, kills, audit, whole, tmp_path):
    script = Path(__file__).with_name("killed.py")
    words = [str(audit), str(tmp_path), str(kills), "1", command]
    done = subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["killed"] >= kills
    assert told["begun"] > 0, "no kill came in the middle"
    assert told["finished"] > 0
    assert told["different"] == []
    assert told["damaged"] == 0
    named = {"measurements.parquet"} if command == "run" else set(whole)
    assert set(told["files"]) == named


@pytest.fixture
def small_files():
    """Let no file grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_what_was_there_stays(audit, whole, there, small_files, capsys):
    assert run(["report", str(audit), "--out", "out", "-q", "--draws", "256"]) == 0
    before, kept = visible(there / "out"), entries(there)
    for more, named in (([], "cannot write the cache"), (["--no-cache"], "cannot write 'out/")):
        small_files(500)
        try:
            code = run(["report", str(audit), "--out", "out", "-q", *more])
        finally:
            small_files(resource.RLIM_INFINITY)
        said = capsys.readouterr().err
        assert code == 2
        assert named in said
        assert "File too large" in said
        assert "free some space" in said
        assert "Traceback" not in said
        assert set(kept) <= set(entries(there))
        assert not [path for path in there.rglob(".*") if path.is_file()]
    assert {name: before[name] for name in before} == visible(there / "out")
    assert run(["report", str(audit), "--out", "out", "-q"]) == 0
    assert visible(there / "out") == whole


@pytest.mark.parametrize("words", [["run", "--out", "out"], ["init", "own.toml"],
                                   ["new", "plugin", "own", "--kind", "decision"]])  # fmt: skip
def test_a_full_disk_is_no_defect_of_any_command(words, audit, there, small_files, capsys):
    measured = [str(audit), "--no-cache", "-q"] if words[0] == "run" else []
    small_files(10)
    try:
        code = run([*words, *measured])
    finally:
        small_files(resource.RLIM_INFINITY)
    said = capsys.readouterr().err
    assert code == 2
    assert "File too large" in said
    assert "Traceback" not in said


def test_a_full_standard_output_is_said(audit, there):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dpaudit", "check", str(audit)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode not in {0, 1}
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def nobody():
    """Be somebody whom permissions bind, where the tests are run by root."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_a_cache_that_may_only_be_read_is_read(audit, whole, there, request, capsys):
    """What is in it serves; where something is missing the error says what to do."""
    assert run(["run", str(audit), "--out", "out", "-q"]) == 0
    assert len(entries(there / "cache")) == UNITS
    for folder in [there / "cache", *(there / "cache").iterdir()]:
        folder.chmod(0o555)
    for folder in (there, *there.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o555)
    (there / "free").mkdir()
    (there / "free").chmod(0o777)
    audit.parent.chmod(0o755)
    request.getfixturevalue("nobody")
    assert run(["report", str(audit), "--out", "free/out", "-q"]) == 0
    assert visible(there / "free" / "out") == whole
    capsys.readouterr()
    assert run(["report", str(audit), "--out", "free/more", "-q", "--draws", "3000"]) == 2
    said = capsys.readouterr().err
    assert "cannot write the cache 'cache': Permission denied" in said
    assert "--no-cache" in said
    words = ["report", str(audit), "--out", "free/more", "-q", "--draws", "3000", "--no-cache"]
    assert run(words) == 0


def test_two_runs_share_a_cache_and_neither_counts_twice(audit, whole, there):
    """Three at once, in processes of their own: each writes the same report."""
    outs = [there / f"out{i}" for i in range(3)]
    started = [
        subprocess.Popen([sys.executable, "-m", "dpaudit", "report", audit, "--out", out, "-q"])
        for out in outs
    ]
    assert [process.wait(300) for process in started] == [0] * 3
    assert all(visible(out) == whole for out in outs)
    assert len(entries(there / "cache")) == UNITS
    assert not list((there / "cache").rglob("*.part"))


def test_damage_is_found_wherever_it_is(audit, whole, there, capsys):
    """Each entry is cut, emptied, turned over or swapped with its neighbour."""
    assert run(["run", str(audit), "--out", "out", "-q"]) == 0
    found = entries(there / "cache")
    contents = [path.read_bytes() for path in found]
    for i, path in enumerate(found):
        bad = [contents[i][:-1], b"", bytes(reversed(contents[i])), contents[i] + b"x"][i % 4]
        path.write_bytes(bad)
    capsys.readouterr()
    assert run(["report", str(audit), "--out", "out"]) == 0
    assert capsys.readouterr().err.count("is damaged") == UNITS
    assert visible(there / "out") == whole
    assert [path.read_bytes() for path in found] == contents


@pytest.mark.parametrize("ahead", [-10 * 365 * 86_400, 10 * 365 * 86_400])
def test_a_moved_clock_loses_nothing(ahead, audit, whole, there, monkeypatch):
    """Half the entries of another time, and a writer that was killed in it."""
    assert run(["run", str(audit), "--out", "out", "-q", "--draws", "700"]) == 0
    then = time.time() + ahead
    for path in entries(there / "cache"):
        os.utime(path, (then, then))
    left = entries(there / "cache")[0]
    part = left.with_name(f".{left.name}.part")
    left.rename(part)
    os.utime(part, (then, then))
    monkeypatch.setattr(time, "time", lambda: then - ahead)
    assert run(["report", str(audit), "--out", "out", "-q"]) == 0
    assert visible(there / "out") == whole
    assert left.exists()
    assert not part.exists()


def test_a_writer_that_is_taken_over_while_it_writes_harms_nothing(tmp_path, monkeypatch):
    """A clock that jumps makes a live writer look dead: both write, and the entry is whole."""
    from dpaudit.engine import cache as module

    flushed, first_is_in, go = module._flushed, threading.Event(), threading.Event()

    def slowly(file, content):
        if not first_is_in.is_set():
            file.write(content[:40])
            file.flush()
            first_is_in.set()
            assert go.wait(30)
            file.seek(0)
        flushed(file, content)

    monkeypatch.setattr(module, "_flushed", slowly)
    path, content = tmp_path / "e.npz", bytes(range(256)) * 9
    first = threading.Thread(target=module._write_once, args=(path, content))
    first.start()
    assert first_is_in.wait(30)
    monkeypatch.setattr(module, "_LEFT_BEHIND", -1.0)
    module._write_once(path, content)
    assert path.read_bytes() == content
    go.set()
    first.join()
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_run_says_how_to_go_on(audit, whole, there, capsys, monkeypatch):
    """Ctrl-C is 130, keeps what was measured, and the same command goes on."""
    from dpaudit.engine import runner

    keep, kept = runner._Store.keep, []

    def stop(self, unit, measured):
        keep(self, unit, measured)
        kept.append(unit)
        if len(kept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(runner._Store, "keep", stop)
    words = ["report", str(audit), "--out", "out", "-q"]
    assert run(words) == ExitCode.INTERRUPTED
    assert "resume with the same command" in capsys.readouterr().err
    assert 0 < len(entries(there / "cache")) < UNITS
    assert run(words) == 0
    assert visible(there / "out") == whole


def test_kept_outputs_of_a_mechanism_say_that_the_disk_is_full(tmp_path, small_files):
    kept = Kept(tmp_path, {"audit": 1})
    kept.write([1], np.zeros((2, 3)))
    small_files(100)
    try:
        with pytest.raises(UsageError, match="File too large") as caught:
            kept.write([2], np.zeros((2, 300)))
    finally:
        small_files(resource.RLIM_INFINITY)
    assert "what was run is kept" in caught.value.hint
    assert kept.read([1], 2) is not None
    assert kept.read([2], 2) is None
