"""Attacks that misbehave are found out, and those that are built in are not."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.testing import attack_faults, check_attack

PARAMETERS = {
    "attribute-inference": {"attribute": "KIND"},
    "linkage": {"known": ["PLACE"]},
    "differencing": {"totals": [["PLACE"]]},
    "suppression-interval": {"totals": [["PLACE"]]},
    "linear-reconstruction": {"totals": [["PLACE"], ["KIND"]]},
    "table-reconstruction": {"block": ["PLACE"], "tables": [["KIND"]], "solutions": 1},
}


def test_every_built_in_attack_passes():
    registry = dpaudit.Registry.discover()
    names = registry.names("attack")
    assert len(names) >= 12
    for name in names:
        check_attack(registry.create("attack", name, **PARAMETERS.get(name, {})))


@attrs.frozen(kw_only=True)
class Broken(dpaudit.Attack):
    """Does something wrong."""

    name: ClassVar[str] = "broken"
    games: ClassVar = frozenset({"pool"})

    how: str

    def score(self, target, rng):
        """Return scores, or what is no score."""
        if self.how == "changes":
            target.printed[0] = 0.0
        return {
            "shape": lambda: np.zeros(2),
            "random": lambda: np.random.default_rng().random(target.printed.size),
            "NaN": lambda: np.full(target.printed.size, np.nan),
        }.get(self.how, target.printed.copy)()


@pytest.mark.parametrize(
    ("how", "message"),
    [("shape", "of shape"), ("random", "other scores"), ("NaN", "NaN"), ("changes", "changes")],
)
def test_a_broken_attack_is_found_out(how, message):
    (fault,) = attack_faults(Broken(how=how))
    assert message in fault.what
    with pytest.raises(dpaudit.PluginError, match=message):
        check_attack(Broken(how=how))


def test_a_sound_attack_is_not():
    assert attack_faults(Broken(how="nothing")) == ()
