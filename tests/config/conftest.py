from __future__ import annotations

import pytest

import dpaudit
from dpaudit import config
from dpaudit.registry import Registry

PLUGINS = '''\
"""Plug-ins for the tests of the audit file."""
import enum
from typing import Literal

import attrs
import dpaudit

class Way(enum.Enum):
    NEAR = "near"
    DOWN = "down"

@attrs.frozen(kw_only=True)
class Laplace(dpaudit.Mechanism):
    """Laplace."""

    name = "laplace"
    epsilon: float = attrs.field(validator=attrs.validators.gt(0))
    delta: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    weights: tuple[float, ...] = ()

    def __attrs_post_init__(self):
        if self.delta and self.epsilon > 10:
            raise ValueError("delta and an epsilon above 10 make no sense together")

    def release(self, counts, rng):
        return counts

    def privacy(self):
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon)

@attrs.frozen(kw_only=True)
class Bias(dpaudit.Audit):
    """Bias."""

    name = "bias"

    def measure(self, subject, rng):
        return ()

@dpaudit.hookimpl
def dpaudit_mechanisms():
    return [Laplace]

@dpaudit.hookimpl
def dpaudit_audits():
    return [Bias]

@dpaudit.audit()
def spread(subject, rng):
    return []

@dpaudit.postprocessor(name="round")
def round_(release, *, base: int = 1, way: Way = Way.NEAR, ties: Literal["even", "up"] = "even"):
    return release

@dpaudit.decision()
def counts(counts):
    return counts

@dpaudit.decision(unit="dollars")
def share(counts, *, weight: dpaudit.Column | float = 1.0, total: dpaudit.Total | None = None,
          public: bool = False, where: dict[str, dpaudit.Column | float] | None = None):
    return counts

@dpaudit.mitigation()
def shrink(subject, *, by: float = 0.5):
    return subject
'''
DATA = "id,name,county,children,spending\n01,A,X,10,1.5\n02,B,Y,300,2\n"

RELEASE = """
[[release]]
mechanism = { use = "laplace", epsilon = 1 }
neighbours = "add-remove"
"""
PEOPLE = 'AREA,AGEP,RAC1P,"a | b"\n25-1,4,1,x\n25-2,18,2,x\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DPAUDIT_LOAD_PLUGINS", "")
    (tmp_path / "plugin.py").write_text(PLUGINS)
    (tmp_path / "d.csv").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def here(folder):
    (folder / "p.csv").write_text(PEOPLE)
    (folder / "q.csv").write_text("unit,fips,homes\n01,25-9,5\n01,26-9,6\n")
    return folder


@pytest.fixture
def faults(here):
    def found(text):
        (here / "a.toml").write_text(text + RELEASE)
        return config.check("a.toml", Registry())

    return found


@pytest.fixture
def load(here):
    def read(text):
        (here / "a.toml").write_text(text + RELEASE)
        return dpaudit.load(here / "a.toml", registry=Registry())

    return read
