from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import dpaudit

WRITTEN_ELSEWHERE = {"run", "write_report"}


def test_every_public_name_has_a_home():
    assert set(dpaudit._HOME) | {"__version__"} == set(dpaudit.__all__)
    assert list(dpaudit.__all__) == sorted(dpaudit.__all__)


@pytest.mark.parametrize("name", sorted(set(dpaudit._HOME) - WRITTEN_ELSEWHERE))
def test_every_name_is_what_its_home_calls_by_that_name(name):
    assert getattr(dpaudit, name) is getattr(import_module(dpaudit._HOME[name]), name)


def test_importing_the_front_door_imports_no_numpy():
    code = "import sys, dpaudit; dir(dpaudit); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_version_is_text():
    assert isinstance(dpaudit.__version__, str)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'mechanisms'"):
        _ = dpaudit.mechanisms
