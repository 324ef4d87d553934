"""Decisions, mitigations and audits: those of our own conform, and each fault is found.

Each comparison with simulation raises a false alarm with probability at most 1e-6.
"""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.testing import (
    audit_faults,
    check_audit,
    check_decision,
    check_mitigation,
    conforms,
    decision_faults,
    mitigation_faults,
    postprocessor_faults,
)
from dpaudit_plugins.audits.bias import Bias
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.decisions.threshold import Threshold
from dpaudit_plugins.mitigations.unprocessed_counts import UnprocessedCounts

CALLS = []


@attrs.frozen(kw_only=True)
class Wrong(Allotment):
    """Shares of a total, but with a fault."""

    fault: str = ""

    def decide(self, counts):  # noqa: PLR0911 - one return for each fault
        shares = super().decide(counts)
        if self.fault == "raises":
            raise RuntimeError("no")
        if self.fault == "writes":
            counts += 1.0
        if self.fault == "shape":
            return shares[..., :-1]
        if self.fault == "nan":
            return shares * np.nan
        if self.fault == "random":
            return shares * np.random.random()  # noqa: NPY002
        if self.fault == "remembers":
            CALLS.append(1)
            return shares * (1.0 if len(CALLS) <= 4 else 2.0)
        if self.fault == "order":
            return shares * np.arange(1.0, 1.0 + counts.shape[-1])
        if self.fault == "stacked":
            return counts / counts.sum()
        return shares * (2.0 if self.fault == "structure" else 1.0)

    def curvature(self, counts, variance):
        known = np.zeros_like(counts)
        return known if self.fault == "curvature" else super().curvature(counts, variance)


@attrs.frozen(kw_only=True)
class WrongChance(Threshold):
    """A threshold whose chances are wrong."""

    def probability(self, counts, noise, *, clipped):
        return np.full(len(counts), 0.5)


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("raises", "RuntimeError: no"),
        ("writes", "read-only"),
        ("shape", "decide returns shape"),
        ("nan", "not finite"),
        ("random", "the same seed differ"),
        ("remembers", "after it has seen other counts"),
        ("order", "order of the entities"),
        ("stacked", "stacked draws"),
        ("structure", "as structure(n) declares"),
        ("curvature", "declared curvature disagrees"),
    ],
)
def test_a_faulty_decision_is_found(fault, what):
    CALLS.clear()
    found = decision_faults(Wrong(fault=fault), draws=500)
    assert any(what in str(each) for each in found), found
    assert all(each.hint for each in found)
    CALLS.clear()
    with pytest.raises(dpaudit.PluginError, match="decision 'allotment'"):
        check_decision(Wrong(fault=fault), draws=500)
    assert not decision_faults(Wrong(), draws=500)


def test_a_wrong_chance_is_found():
    check_decision(Threshold(at=50.0), draws=2_000)
    found = decision_faults(WrongChance(at=50.0), draws=2_000)
    assert any("chance of a 1" in str(each) for each in found), found


@attrs.frozen(kw_only=True)
class Change(dpaudit.Mitigation):
    """A mitigation with a fault."""

    name = "change"
    fault: str = ""

    def applies(self, subject):
        if self.fault == "applies":
            raise RuntimeError("no")
        return True

    def apply(self, subject):
        if self.fault == "apply":
            raise RuntimeError("no")
        if self.fault == "nothing":
            return None
        if self.fault == "random":
            np.random.random()  # noqa: NPY002
        if self.fault == "decision":
            return attrs.evolve(subject, decision=Wrong(fault="order"))
        return subject

    def cost(self):
        return 5 if self.fault == "cost" else ""


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("applies", "applies failed on trial-shares"),
        ("apply", "apply failed on trial-shares"),
        ("nothing", "apply returns NoneType"),
        ("random", "global random state"),
        ("decision", "order of the entities"),
        ("cost", "cost() is no text"),
    ],
)
def test_a_faulty_mitigation_is_found(fault, what):
    found = mitigation_faults(Change(fault=fault))
    assert any(what in str(each) for each in found), found
    check_mitigation(Change())
    check_mitigation(UnprocessedCounts())


def audit_with(body):
    @dpaudit.audit(name="trial-audit")
    def trial(subject, rng):
        """Measure something."""
        return body(subject, rng)

    return trial.__dpaudit__


def one(subject, value=1.0, over="total"):
    labels = ("q",) if over != "total" else ()
    estimate = dpaudit.Estimate.exact(np.array([value]) if labels else value)
    return dpaudit.Measurement(
        task=subject.task, audit="x", quantity="q", unit="persons", over=over, labels=labels,
        estimate=estimate,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (lambda subject, rng: 1 / 0, "ZeroDivisionError"),
        (lambda subject, rng: [3.0], "returned float"),
        (lambda subject, rng: [], "nothing was measured"),
        (lambda subject, rng: [one(subject, np.random.random())], "global random state"),  # noqa: NPY002
        (lambda subject, rng: [one(subject, over="region")], "measured over 'region'"),
    ],
)
def test_a_faulty_audit_is_found(body, what):
    found = audit_faults(audit_with(body))
    assert any(what in str(each) for each in found), found
    check_audit(audit_with(lambda subject, rng: [one(subject)]))
    check_audit(Bias)


@attrs.frozen(kw_only=True)
class Halfway(dpaudit.PostProcessor):
    """Clipping that is said to be a projection, but with a fault."""

    name = "halfway"
    nonnegative = True
    fault: str = ""

    @property
    def feasible(self):
        return "nearest"

    def process(self, release):
        CALLS.append(1)
        if self.fault == "twice":
            return np.maximum(release, 0.0) / 2.0
        if self.fault == "remembers":
            return np.maximum(release, 0.0) + (len(CALLS) > 22)
        return np.maximum(release, 0.0)


@pytest.mark.parametrize(
    ("fault", "what"),
    [("twice", "twice is not the same as once"), ("remembers", "seen other releases")],
)
def test_a_step_that_is_no_projection_or_remembers_is_found(fault, what):
    CALLS.clear()
    found = postprocessor_faults(Halfway(fault=fault), draws=8)
    assert any(what in str(each) for each in found), found
    CALLS.clear()
    assert not postprocessor_faults(Halfway(), draws=8)


@pytest.mark.parametrize(
    "name", ["allotment", "counts", "threshold", "non-negative", "simplex", "linearised", "bias"]
)
def test_built_in_plugins_conform_by_name(name):
    for found in conforms(name, dpaudit.Registry.discover()):
        assert not found.faults


def test_a_plugin_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("dpaudit.testing.conformance.PATIENCE", 0.5)
    path = tmp_path / "slow.py"
    path.write_text(
        "import dpaudit, time\n@dpaudit.decision()\n"
        'def slow(counts):\n    "Wait."\n    time.sleep(60)\n'
    )
    (found,) = conforms(str(path), dpaudit.Registry())
    assert "did not finish in 0.5 seconds" in found.faults[0].what
