"""Where dpaudit comes from: locked with hashes, built to the same bytes, and told in a bill."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from dpaudit.cli.main import run

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKED = ("accounting", "cluster", "exact", "excel", "fast")
EPOCH = "1700000000"


def pins(text):
    lines = text.replace("\\\n", " ").splitlines()
    kept = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {words[0].partition("==")[0]: words for words in kept}


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def lock():
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_everything_in_the_lock_has_hashes_and_nothing_says_where_from(lock):
    found = pins(lock)
    assert len(found) > 40
    for name, (pin, *hashes) in found.items():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][a-z0-9.]*", pin), name
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), name
    assert not re.search(r"://|--index|--find-links|@ ", lock)


def test_the_lock_holds_the_versions_that_were_tested(lock):
    tested = {name: words[0] for name, words in
              pins((ROOT / "constraints.txt").read_text(encoding="utf-8")).items()}  # fmt: skip
    found = pins(lock)
    differing = {n: w[0] for n, w in found.items() if tested.get(n, w[0]) != w[0]}
    assert differing == {}
    assert not {"torch", "opacus"} & found.keys()


def test_the_lock_holds_all_that_is_needed(lock):
    """What is installed for the core and the locked extras, as far as its own needs go."""
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"], *(line for e in LOCKED for line in extras[e])]
    waiting = [plain(re.match(r"[\w.-]+", line)[0]) for line in lines]
    found, seen = pins(lock), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        assert name in found, f"{name} is not in requirements.lock: make lock"
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting.append(plain(needed.name))


@pytest.fixture(scope="module")
def bill():
    done = subprocess.run(
        [sys.executable, "-m", "dpaudit", "doctor", "--sbom"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_the_bill_names_every_part_once_with_a_version_and_a_licence(bill):
    found = json.loads(bill)
    assert (found["bomFormat"], found["specVersion"], found["version"]) == ("CycloneDX", "1.5", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", found["serialNumber"])
    parts = [found["metadata"]["component"], *found["components"]]
    refs = [part["bom-ref"] for part in parts]
    assert len(refs) == len(set(refs))
    libraries = [part for part in found["components"] if part["type"] == "library"]
    assert {"numpy", "scipy", "weasyprint", "fonttools", "brotli"} <= {p["name"] for p in libraries}
    for part in libraries:
        assert part["version"] == metadata.version(part["name"])
        assert part["purl"].startswith(f"pkg:pypi/{part['name']}@")
        assert "+" not in part["purl"]
    without = [part["name"] for part in libraries if "licenses" not in part]
    assert len(without) <= 3, without
    for each in found["dependencies"]:
        assert {each["ref"], *each["dependsOn"]} <= set(refs)
    direct = next(d for d in found["dependencies"] if d["ref"].startswith("pkg:pypi/dpaudit@"))
    assert {name.partition("@")[0] for name in direct["dependsOn"]} >= {
        f"pkg:pypi/{plain(re.match(r'[A-Za-z0-9_.-]+', line)[0])}"
        for line in PROJECT["project"]["dependencies"]
    }


def test_the_bill_holds_the_fonts_as_they_are(bill):
    folder = ROOT / "templates" / "dpaudit_templates" / "report" / "fonts"
    fonts = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.glob("*.woff2")}
    told = {part["name"]: part["hashes"][0]["content"]
            for part in json.loads(bill)["components"] if part["type"] == "file"}  # fmt: skip
    assert told == fonts


def test_the_same_installation_gives_the_same_bill(bill, capsys, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert run(["doctor", "--sbom"]) == 0
    assert capsys.readouterr().out == bill
    assert "timestamp" not in bill
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    assert run(["doctor", "--sbom"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"


def built(source, epoch):
    """Return the wheel and the source distribution of a tree."""
    out = source / "made"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(out)],
        cwd=source, env=environment, capture_output=True, check=True,
    )  # fmt: skip
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in out.iterdir()}


@pytest.mark.slow
def test_wheel_and_sdist_are_built_to_the_same_bytes(tmp_path):
    """From two copies of the tree with other times, other permissions and another umask."""
    kept = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    made = []
    for name, epoch in (("one", EPOCH), ("two", EPOCH), ("control", "1600000000")):
        copy = tmp_path / name
        for part in kept:
            source, target = ROOT / part, copy / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(
                    source, target, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"),
                )  # fmt: skip
            else:
                shutil.copyfile(source, target)
        if name == "two":
            for file in copy.rglob("*.py"):
                os.utime(file, (1e9, 1e9))
                file.chmod(0o600)
        made.append(built(copy, epoch))
    assert {name.rpartition(".")[2] for name in made[0]} == {"whl", "gz"}
    assert made[0] == made[1]
    assert all(made[0][name] != made[2][name] for name in made[0]), "the control must differ"
