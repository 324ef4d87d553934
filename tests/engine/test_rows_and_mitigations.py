"""Decisions on rows of counts, decisions made of others, and mitigations, as whole audits."""

import attrs
import numpy as np
import pytest

import dpaudit

TABLE = "place,citizens,limited,illiterate\na,1000,60,5\nb,3305,165,7\nc,80,4,1\n"
HEAD = """
plugins = ["rules.py"]

[data]
file = "places.csv"
status = "public"
entity = "place"
count = "citizens"
also_counted = ["limited", "illiterate"]

[run]
draws = 6400

[[release]]
name = "noisy"
mechanism = { use = "laplace", epsilon = 1.5 }
neighbours = "add-remove"
"""
RULES = '''"""Rules of the tests."""

import attrs
import numpy as np

import dpaudit


@attrs.frozen(kw_only=True)
class AtLeast(dpaudit.Decision):
    """Decide 1 from a number on."""

    name = "at-least"
    bounded = True

    at: float

    def decide(self, counts):
        return (counts >= self.at).astype(float)

    def probability(self, counts, noise, *, clipped):
        return 1.0 - noise.cdf(self.at - counts)


@attrs.frozen(kw_only=True)
class Share(dpaudit.Decision):
    """Decide 1 where one count is more than a share of another."""

    name = "more-than-share"
    rows = True
    vectorised = True
    bounded = True

    part: str
    share: float
    counts: dpaudit.GivenCounts = ()

    def decide(self, counts):
        whole = counts[..., 0]
        return (counts[..., self.counts.index(self.part)] > self.share * whole).astype(float)


@attrs.frozen(kw_only=True, eq=False)
class Both(dpaudit.Decision):
    """Decide 1 where all rules do."""

    name = "both"
    rows = True
    vectorised = True
    bounded = True

    of: dpaudit.Rules

    def decide(self, counts):
        return np.prod([rule.decide(counts) for rule in self.of], axis=0)


@attrs.frozen(kw_only=True)
class Raw(dpaudit.Mitigation):
    """Leave the steps out."""

    name = "raw"

    def applies(self, subject):
        return bool(subject.steps)

    def apply(self, subject):
        return attrs.evolve(subject, steps=())


@attrs.frozen(kw_only=True)
class Doubled(dpaudit.Mitigation):
    """Decide with a threshold twice as large."""

    name = "doubled"

    def applies(self, subject):
        return subject.decision.name == "at-least"

    def apply(self, subject):
        return attrs.evolve(
            subject, decision=attrs.evolve(subject.decision, at=2 * subject.decision.at)
        )


@dpaudit.hookimpl
def dpaudit_decisions():
    return (AtLeast, Share, Both)


@dpaudit.hookimpl
def dpaudit_mitigations():
    return (Raw, Doubled)
'''


def audit(folder, rest, *, head=HEAD):
    (folder / "places.csv").write_text(TABLE)
    (folder / "rules.py").write_text(RULES)
    (folder / "audit.toml").write_text(head + rest)
    return dpaudit.run(dpaudit.load(folder / "audit.toml"))


def bias(results, task):
    (found,) = results.select(task=task, quantity="bias", over="entity", per="total")
    return found.estimate


def test_a_decision_reads_the_count_that_it_names(tmp_path):
    results = audit(tmp_path, '[[decision]]\nuse = "at-least"\nat = 60\ncount = "limited"\n')
    np.testing.assert_array_equal(results.tasks[0].truth, [1, 1, 0])


def test_without_a_name_it_reads_the_first(tmp_path):
    results = audit(tmp_path, '[[decision]]\nuse = "at-least"\nat = 90\n')
    np.testing.assert_array_equal(results.tasks[0].truth, [1, 1, 0])


def test_a_person_may_be_in_every_count_of_an_entity(tmp_path):
    """Three nested counts: the scale of the noise is 3 / epsilon (METHODS-decisions 1)."""
    results = audit(tmp_path, '[[decision]]\nuse = "counts"\n')
    (variance,) = results.select(quantity="variance", over="entity", per="total")
    np.testing.assert_allclose(variance.estimate.value, 2 * (3 / 1.5) ** 2)


def test_a_known_probability_gives_every_moment_exactly(tmp_path):
    results = audit(tmp_path, '[[decision]]\nuse = "at-least"\nat = 60\ncount = "limited"\n')
    found = bias(results, results.tasks[0].task.id)
    p = np.array([0.5, 1 - np.exp(-105 / 2) / 2, np.exp(-56 / 2) / 2])
    assert found.method == "exact"
    np.testing.assert_allclose(found.value, p - results.tasks[0].truth, atol=1e-15)
    checks = [note for note in results.notes if note.kind == "check"]
    assert {note.message for note in checks} >= {"bias", "mean-squared-error"}
    for note in checks:
        values = dict(note.values)
        assert values["max_z"] <= values["limit"]


def test_a_decision_made_of_others_sees_what_they_see(tmp_path):
    rest = """
[[decision]]
name = "many"
use = "at-least"
at = 60
count = "limited"

[[decision]]
name = "share"
use = "more-than-share"
part = "limited"
share = 0.05

[[decision]]
use = "both"
of = ["many", "share"]
"""
    results = audit(tmp_path, rest)
    truth = {result.task.decision: result.truth for result in results.tasks}
    np.testing.assert_array_equal(truth["share"], [1, 0, 0])
    np.testing.assert_array_equal(truth["both"], truth["many"] * truth["share"])


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ('[[decision]]\nuse = "both"\nof = ["many"]\n', "no decision above this one is named"),
        ('[[decision]]\nuse = "both"\nof = "many"\n', "expected a list of names of decisions"),
        ('[[decision]]\nuse = "counts"\ncount = "limted"\n', "'limted' is no count of the data"),
        ('[[mitigation]]\nuse = "raw"\nreleases = ["x"]\n', "no release is named 'x'"),
    ],
)
def test_names_that_name_nothing_are_refused(tmp_path, rest, said):
    with pytest.raises(dpaudit.SpecError, match=said):
        audit(tmp_path, rest)


def test_steps_that_mix_counts_are_refused_on_rows(tmp_path):
    head = HEAD + 'postprocess = [{ use = "simplex" }]\n'
    rest = '[[decision]]\nuse = "more-than-share"\npart = "limited"\nshare = 0.05\n'
    with pytest.raises(dpaudit.SpecError, match="looks at all counts together"):
        audit(tmp_path, rest, head=head)


def test_a_mitigation_is_measured_against_the_first_truth(tmp_path):
    rest = """
[[decision]]
use = "at-least"
at = 40
count = "limited"

[[mitigation]]
use = "doubled"
"""
    results = audit(tmp_path, rest)
    before, after = results.tasks
    assert after.task.baseline == before.task.id
    assert after.task.mitigation == "doubled"
    np.testing.assert_array_equal(after.truth, before.truth)
    # At 80 the place with 60 is due and mostly goes without: its bias is p - 1, not p.
    p = np.exp(-20 / 2) / 2
    np.testing.assert_allclose(bias(results, after.task.id).value[0], p - 1)


def test_what_a_mitigation_makes_sees_the_same_noise(tmp_path):
    head = HEAD + 'postprocess = [{ use = "non-negative" }]\n'
    rest = '[[decision]]\nuse = "counts"\n[[mitigation]]\nuse = "raw"\n'
    with_it = audit(tmp_path, rest, head=head)
    (alone,) = audit(tmp_path, '[[decision]]\nuse = "counts"\n').tasks
    short = "expected-shortfall"
    (own,) = with_it.select(
        task=with_it.tasks[1].task.id, quantity=short, over="entity", per="total"
    )
    (same,) = audit(tmp_path, '[[decision]]\nuse = "counts"\n').select(
        task=alone.task.id, quantity=short, over="entity", per="total"
    )
    np.testing.assert_array_equal(own.estimate.value, same.estimate.value)


def test_provenance_names_mitigations_and_the_rules_of_rules(tmp_path):
    rest = """
[[decision]]
name = "many"
use = "at-least"
at = 60
count = "limited"

[[decision]]
use = "both"
of = ["many", "many"]

[[mitigation]]
use = "doubled"
"""
    results = audit(tmp_path, rest)
    found = {(each.kind, each.name) for each in results.provenance.plugins}
    assert {("mitigation", "doubled"), ("decision", "both"), ("decision", "at-least")} <= found


def test_a_mitigation_that_applies_nowhere_is_refused(tmp_path):
    with pytest.raises(dpaudit.SpecError, match="applies to no release and decision"):
        audit(tmp_path, '[[decision]]\nuse = "counts"\n[[mitigation]]\nuse = "raw"\n')


def test_a_rule_is_a_decision_of_rows(tmp_path):
    del tmp_path
    from dpaudit.engine.rule import Rule

    @attrs.frozen(kw_only=True)
    class Twice(dpaudit.Decision):
        """Double."""

        name = "twice"

        def decide(self, counts):
            assert counts.ndim == 1
            return 2 * counts

    rows = np.arange(24.0).reshape(2, 4, 3)
    np.testing.assert_array_equal(Rule(decision=Twice(), position=1).decide(rows), 2 * rows[..., 1])
