"""Every example of a docstring runs and prints what it says."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

import dpaudit

ROOT = Path(__file__).parents[1]
HOMES = {"dpaudit": ROOT, "dpaudit_plugins": ROOT / "plugins"}
SHOWN = {"np": np, "dpaudit": dpaudit}
"""What examples may use without an import."""


def modules():
    for package, home in HOMES.items():
        for file in sorted((home / package).rglob("*.py")):
            if ">>>" in file.read_text(encoding="utf-8"):
                parts = file.relative_to(home).with_suffix("").parts
                yield ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize("name", list(modules()))
def test_the_examples_run(name):
    found = doctest.testmod(importlib.import_module(name), extraglobs=SHOWN)
    assert found.attempted > 0
    assert found.failed == 0


def test_an_example_that_says_something_else_fails():
    example = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    assert doctest.DocTestRunner(verbose=False).run(example, out=lambda _: None).failed == 1
