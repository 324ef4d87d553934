"""Scaffolds: what is written conforms, says what to do next, and is never written over."""

import os
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from dpaudit.cli.main import run

ROOT = Path(__file__).parents[2]
KINDS = ["decision", "mechanism", "postprocessor", "audit", "mitigation", "learner", "attack"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_scaffold_conforms(tmp_path, capfd, kind):
    out = tmp_path / "made"
    assert run(["new", "plugin", "my-own", "--kind", kind, "-o", str(out)]) == 0
    printed = capfd.readouterr().out
    assert "dpaudit plugins check my-own" in printed
    assert sorted(p.name for p in out.iterdir()) == [
        "my_own.py",
        "pyproject.toml",
        "test_my_own.py",
    ]
    project = tomllib.loads((out / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["dpaudit"] == {"my-own": "my_own"}
    assert run(["plugins", "check", str(out / "my_own.py")]) == 0
    assert f"{kind} my-own: conforms" in capfd.readouterr().out
    assert run(["new", "plugin", "my-own", "--kind", kind, "-o", str(out)]) == 2
    assert "exists already" in capfd.readouterr().err


@pytest.mark.slow
def test_every_scaffold_installs_and_its_tests_pass(tmp_path):
    """As a stranger does it: a package of each kind, found by its name, and its own test file."""
    site = tmp_path / "site"
    for kind in KINDS:
        out = tmp_path / kind
        assert run(["new", "plugin", f"my-{kind}", "--kind", kind, "-o", str(out)]) == 0
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    folders = [str(tmp_path / kind) for kind in KINDS]
    subprocess.run([*install, str(site), *folders], check=True)
    tests = [str(tmp_path / kind / f"test_my_{kind}.py") for kind in KINDS]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path,
                          env=environment)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(KINDS)} passed" in done.stdout


@pytest.mark.slow
def test_one_line_checks_a_file_in_pytest(tmp_path):
    run(["new", "plugin", "my-own", "-o", str(tmp_path)])
    path = tmp_path / "my_own.py"
    test = tmp_path / "test_my_own.py"
    test.write_text(test.read_text().replace('"my-own"', f'"{path}", appropriation=5.0'))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    path.write_text(
        path.read_text().replace("counts / counts.sum()", "counts[::-1] / counts.sum()")
    )
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "the order of the entities changes their outcomes" in done.stdout
    assert "help: decide from counts and columns" in done.stdout


@pytest.mark.parametrize("name", ["My-Own", "1st", "a--b", "../a", "a b"])
def test_a_name_that_is_none_is_refused(tmp_path, capfd, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["new", "plugin", name]) == 2
    assert "is no name for a plug-in" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_audit_file_for_a_csv_has_no_fault(tmp_path, capfd):
    (tmp_path / "d.csv").write_text("place,note,people\na,x,5\nb,y,0\n")
    path = tmp_path / "audit.toml"
    assert run(["new", "audit", str(path), "--data", str(tmp_path / "d.csv")]) == 0
    assert run(["check", str(path)]) == 0
    spec = tomllib.loads(path.read_text())
    assert (spec["data"]["entity"], spec["data"]["count"]) == ("place", "people")
    assert spec["data"]["status"] == "confidential"
    assert run(["new", "audit", str(path), "--data", str(tmp_path / "d.csv")]) == 2


@pytest.mark.parametrize(
    ("text", "options", "what"),
    [
        ("place,people\n", [], "no row under the header"),
        ("place,people\na,x\n", [], "no column holds whole numbers"),
        ("place,people\na,5\n", ["--count", "persons"], "has no column 'persons'"),
        ("place,people\na,5\n", ["--entity", "id"], "has no column 'id'"),
    ],
)
def test_a_csv_that_does_not_do_is_refused(tmp_path, capfd, text, options, what):
    (tmp_path / "d.csv").write_text(text)
    path = tmp_path / "audit.toml"
    assert run(["new", "audit", str(path), "--data", str(tmp_path / "d.csv"), *options]) == 2
    error = capfd.readouterr().err
    assert what in error
    assert "help:" in error
    assert not path.exists()


def test_the_example_has_no_fault(tmp_path, capfd):
    path = tmp_path / "new" / "audit.toml"
    assert run(["init", "--example", str(path)]) == 0
    assert run(["check", str(path)]) == 0
    assert run(["init", "--example", str(path)]) == 2


def test_parameters_can_be_given_to_a_check(capfd):
    assert run(["plugins", "check", "laplace", "--set", "epsilon=0.5"]) == 0
    assert "epsilon = 0.5" in capfd.readouterr().out
    assert run(["plugins", "check", "laplace", "--set", "epsilon"]) == 2
    assert run(["plugins", "check", "laplace", "--set", "epsilon=-1.0"]) == 3
    assert run(["plugins", "check", "no-such"]) == 2


def test_the_example_is_the_one_that_the_tests_run():
    made = resources.files("dpaudit_templates") / "example"
    for file in made.iterdir():
        if file.is_file():
            name = file.name.removesuffix(".txt")
            assert file.read_bytes() == (ROOT / "examples" / "own_formula" / name).read_bytes()
