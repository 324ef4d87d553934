from types import SimpleNamespace

import numpy as np
import pytest

import dpaudit
from dpaudit_plugins.audits.empirical_epsilon import (
    BOUND,
    CLAIMED,
    LARGEST,
    EmpiricalEpsilon,
    dpaudit_sections,
)

REGISTRY = dpaudit.Registry.discover()


def measured(mechanism, runs=1_024, **parameters):
    subject = SimpleNamespace(mechanism=mechanism, task="a / b", confidence=0.95)
    found = EmpiricalEpsilon(runs=runs, **parameters).measure(subject, np.random.default_rng(0))
    return {each.quantity: each.estimate for each in found}


def test_a_mechanism_that_keeps_its_promise_is_bounded_below_it():
    found = measured(REGISTRY.create("mechanism", "geometric", epsilon=1.0))
    assert found[CLAIMED].value == 1.0
    assert 0.0 <= found[BOUND].value < 1.0 < found[LARGEST].value
    assert (found[BOUND].level, found[BOUND].draws) == (0.95, 1_024)


def test_one_that_breaks_it_is_refuted():
    laplace = REGISTRY.get("mechanism", "laplace")

    class Half(laplace):
        def privacy(self):
            return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=0.5)

    assert measured(Half(epsilon=4.0), runs=4_096)[BOUND].value >= 0.5


NOTHING = {
    "identity": {},
    "cell-suppression": {"threshold": 10},
    "randomized-response": {"epsilon": 1.0},
}


@pytest.mark.parametrize(("name", "parameters"), NOTHING.items())
def test_what_promises_nothing_of_counts_is_left_out(name, parameters):
    assert measured(REGISTRY.create("mechanism", name, **parameters)) == {}


def test_noise_tied_to_the_entities_is_left_out():
    laplace = REGISTRY.get("mechanism", "laplace")
    assert measured(laplace(scale=np.array([1.0, 2.0]))) == {}


def test_a_report_tells_the_verdict_of_each_release_once():
    mechanism = REGISTRY.create("mechanism", "geometric", epsilon=1.0)
    subject = SimpleNamespace(mechanism=mechanism, task="a / b", confidence=0.95)
    found = EmpiricalEpsilon(runs=512).measure(subject, np.random.default_rng(0))
    task = SimpleNamespace(task=SimpleNamespace(id="a / b", release="a", point={"epsilon": 1.0}))
    results = SimpleNamespace(tasks=[task, task], select=lambda task: found)
    ((_, table),) = dpaudit_sections(results).values()
    ((release, claimed, _, verdict),) = table.rows
    assert (release, claimed) == ("a, epsilon = 1", "1")
    assert verdict.startswith("not refuted with 512 runs; could have certified at most")
    assert dpaudit_sections(SimpleNamespace(tasks=[], select=None)) == {}
