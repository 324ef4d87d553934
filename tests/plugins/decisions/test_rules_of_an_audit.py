"""The rules as an audit file names them: parameters, counts of the data, rules of rules."""

import numpy as np
import pytest

import dpaudit
from dpaudit.binding import bind
from dpaudit.noise.laplace import Laplace
from dpaudit.parameters import build
from dpaudit_plugins.decisions import (
    all_of,
    any_of,
    exactly_one_of,
    ratio_threshold,
    section_203,
    threshold,
)

MODULES = (threshold, ratio_threshold, section_203, all_of, any_of, exactly_one_of)
DATA = dpaudit.Dataset(
    source="areas.csv",
    digest="0",
    entities=("x", "y"),
    names=("x", "y"),
    counts=np.array([3300.0, 3305.0]),
    count="vacit",
    also={"vaclep": np.array([166.0, 160.0]), "illit": np.array([9.0, 9.0])},
    columns={"line": np.array([150.0, 170.0])},
    status="public",
)
ROWS = np.array([[3300.0, 166.0, 9.0], [3305.0, 160.0, 9.0]])
SECTION = {"citizens": "vacit", "limited_english": "vaclep", "illiterate": "illit"}


@pytest.fixture(scope="module")
def registry():
    found = dpaudit.Registry.discover()
    for module in MODULES:
        found.add(module)
    return found


def made(registry, name, decisions=None, **values):
    return bind(build(registry.get("decision", name), values), DATA, decisions=decisions)


def test_the_counts_are_those_of_the_data(registry):
    section = made(registry, "section-203", **SECTION)
    assert (section.counts, section.reads) == (("vacit", "vaclep", "illit"), (0, 1, 2))
    np.testing.assert_array_equal(section.decide(ROWS), [1, 0])
    line = made(registry, "threshold", at="line")
    np.testing.assert_array_equal(line.decide(DATA.also["vaclep"]), [1, 0])
    assert made(registry, "threshold", at=10_000).at == 10_000


def test_rules_name_other_rules(registry):
    young = made(registry, "ratio-threshold", numerator="vaclep", denominator="vacit", ratio=0.05)
    section = made(registry, "section-203", **SECTION)
    both = made(registry, "all-of", {"young": young, "law": section}, of=["young", "law"])
    assert both.of == (young, section)
    np.testing.assert_array_equal(both.decide(ROWS), [1, 0])
    assert both.probability(ROWS, Laplace(1.0), clipped=False) is None


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("threshold", {}, "'at' is missing"),
        ("section-203", {"route": "states"}, "did you mean 'state'"),
        ("section-203", {"citizens": "a", "illiterate": "a"}, "both 'a'"),
        ("ratio-threshold", {"numerator": "a", "denominator": "b", "ratio": 0}, "'ratio' must be"),
        ("any-of", {"of": ["poor"]}, "of is 'poor': name two decisions or more"),
        ("any-of", {"of": "poor"}, "expected a list of names of decisions"),
        ("any-of", {"of": ["young", "law"]}, "named 'young'"),
    ],
)
def test_faults_are_said_in_the_file_s_words(registry, name, values, message):
    with pytest.raises(dpaudit.SpecError, match=message):
        made(registry, name, **values)


def test_a_count_that_the_data_do_not_have(registry):
    section = made(registry, "section-203", **SECTION | {"illiterate": "ill"})
    with pytest.raises(dpaudit.DataError, match="the counts are vacit, vaclep, illit"):
        section.decide(ROWS)
