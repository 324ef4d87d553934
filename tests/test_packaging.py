"""What is in the tree, in pyproject.toml and installed must agree."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = PROJECT["entry-points"]["dpaudit"]


def names(requirements):
    found = {re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in requirements}
    return found - {"dpaudit"}


def test_every_plugin_module_is_declared():
    modules = {
        ".".join(file.relative_to(ROOT / "plugins").with_suffix("").parts)
        for file in (ROOT / "plugins").rglob("*.py")
        if not file.name.startswith("_")
    }
    assert set(DECLARED.values()) == modules


def test_entries_are_named_after_their_modules():
    for name, module in DECLARED.items():
        assert module.rpartition(".")[2] == name.replace("-", "_")


def test_the_installed_entry_points_are_fresh():
    dist = distribution("dpaudit")
    installed = {e.name: e.value for e in dist.entry_points if e.group == "dpaudit"}
    assert installed == DECLARED, "run: pip install -e ."


def test_installed_entry_points_load_the_plugin_of_their_name():
    from dpaudit.interfaces import KINDS
    from dpaudit.registry import Registry

    registry = Registry.discover()
    assert not registry.broken
    assert "reproduce" in {command.name for command in registry.commands()}
    for entry in entry_points(group="dpaudit"):
        kind = entry.value.split(".")[1].removesuffix("s")
        if entry.dist is None or entry.dist.name != "dpaudit" or kind not in KINDS:
            continue  # data and commands are no kind of plug-in
        assert registry.get(kind, entry.name).name == entry.name


def test_the_installed_requirements_are_fresh():
    dist = distribution("dpaudit")
    assert dist.version == PROJECT["version"]
    core = names(line for line in dist.requires or [] if "extra ==" not in line)
    assert core == names(PROJECT["dependencies"])


def test_all_holds_every_extra_but_the_tests():
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    assert set(re.search(r"\[(.+)\]", everything)[1].split(",")) == set(extras) - {"all", "test"}


def test_constraints_pin_every_requirement_exactly():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][a-z0-9.]*", line) for line in lines)
    pinned = {line.partition("==")[0] for line in lines}
    asked = names(PROJECT["dependencies"])
    for requirements in PROJECT["optional-dependencies"].values():
        asked |= names(requirements)
    assert asked <= pinned
    assert "torch==2.13.0" in lines


def test_attrs_has_no_upper_bound():
    (attrs,) = (line for line in PROJECT["dependencies"] if line.startswith("attrs"))
    assert attrs == "attrs>=23.2"


@pytest.mark.parametrize("file", ["README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_what_custom_expects_is_there(file):
    assert (ROOT / file).read_text(encoding="utf-8").strip()


def test_versions_agree():
    version = PROJECT["version"]
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
