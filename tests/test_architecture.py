"""House rules that no linter knows."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from dpaudit import errors, hookspecs

ROOT = Path(__file__).parents[1]
CODE = ("dpaudit", "plugins", "templates")
HEAVY = {
    "cvxpy", "dask", "distributed", "matplotlib", "opacus", "pandas", "pyarrow", "ray",
    "scipy.stats", "sklearn", "torch", "weasyprint",
}  # fmt: skip
MODULES = sorted(file for folder in CODE for file in (ROOT / folder).rglob("*.py"))


def imported_by(code):
    """Return which heavy libraries a fresh process has imported after ``code``."""
    code += f"\nimport sys; print(*({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_control_of_the_import_tests_is_noticed():
    assert imported_by("import scipy.stats") == {"scipy.stats"}


def test_loading_every_plugin_imports_nothing_heavy():
    assert imported_by("from dpaudit.registry import Registry; Registry.discover()") == set()


def test_the_mathematics_of_learning_imports_nothing_heavy():
    names = {file.stem for file in (ROOT / "dpaudit" / "training").glob("[a-z]*.py")}
    light = sorted(
        names
        - {"dp_sgd", "ensemble", "group_alignment", "group_rules", "nets", "opacus_runs", "threads"}
    )
    code = "\n".join(f"import dpaudit.training.{name}" for name in light)
    assert len(light) > 10
    assert imported_by(code) == set()


@pytest.mark.slow
def test_measuring_decisions_imports_nothing_heavy():
    code = """
import attrs, dpaudit
spec = dpaudit.load("examples/title_i/audit.toml")
dpaudit.run(attrs.evolve(spec, run=attrs.evolve(spec.run, draws=64)))
"""
    assert imported_by(code) == set()


def test_help_imports_no_numpy():
    code = "from dpaudit.cli.main import run; import sys; run(['--help'])"
    code += "; raise SystemExit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_no_module_is_too_long():
    found = {
        str(file.relative_to(ROOT)): lines
        for folder in (*CODE, "tests", "examples")
        for file in (ROOT / folder).rglob("*.py")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert found == {}


def test_every_hook_is_documented_and_named_after_its_group():
    hooks = [name for name in vars(hookspecs) if name.startswith("dpaudit_")]
    assert len(hooks) >= 15
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in hooks:
        assert getattr(hookspecs, name).__doc__.strip().endswith(".")
        assert f"`{name}`" in text, f"{name} is not in CONTRIBUTING.md"


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_public_names_have_docstrings_and_annotations(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    if not file.name.startswith("__main__"):
        assert ast.get_docstring(tree), "the module has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.returns is not None, f"{node.name} says not what it returns"


def without_next_step(source):
    """Return the lines at which an error that a user can mend is raised without a hint."""
    names = {c.__name__ for c in [errors.DpauditError, *errors.DpauditError.__subclasses__()]}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            called = ast.unparse(node.exc.func).rpartition(".")[2]
            if called in names and "hint" not in {k.arg for k in node.exc.keywords}:
                yield node.lineno


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_error_says_the_next_step(file):
    assert list(without_next_step(file.read_text(encoding="utf-8"))) == []


def test_an_error_without_a_next_step_is_seen():
    assert list(without_next_step("raise SpecError('x')\nraise dpaudit.DataError('y')")) == [1, 2]


def test_no_module_is_named_after_nothing():
    assert not {file.stem for file in MODULES} & {"utils", "util", "helpers", "manager", "common"}


@pytest.mark.slow
def test_the_import_contracts_hold():
    command = [Path(sys.executable).with_name("lint-imports")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 kept, 0 broken" in done.stdout
