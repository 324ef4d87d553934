"""What may not be published on the side, and what is said of groups, budgets and guards."""

import attrs
import numpy as np
import pytest

import dpaudit

HEAD = """
{plugins}
[data]
file = "places.csv"
status = "public"
entity = "id"
count = "people"
groups = ["all"]
{joined}
[run]
draws = 4096

[[release]]
name = "noisy"
mechanism = {{ use = "laplace", {noise} }}
neighbours = "add-remove"
"""
PEEKS = '''"""A mitigation that looks at the true counts."""

import attrs

import dpaudit


@attrs.frozen(kw_only=True)
class Peeks(dpaudit.Mitigation):
    """Look."""

    name = "peeks"

    def apply(self, subject):
        return subject.create("mitigation", "linearised", proxy="people").apply(subject)


@dpaudit.hookimpl
def dpaudit_mitigations():
    return (Peeks,)
'''
COPY = """
[data.joined]
copy = { file = "places.csv", column = "people", match = { id = "id" } }
"""
ALLOTMENT = '[[decision]]\nuse = "allotment"\n'


def audit(folder, rest, counts=(100, 95), *, joined="", plugins="", noise="epsilon = 0.1"):
    rows = "".join(f"{i},{c},x\n" for i, c in enumerate(counts))
    (folder / "places.csv").write_text("id,people,all\n" + rows)
    (folder / "peeks.py").write_text(PEEKS)
    head = HEAD.format(joined=joined, plugins=plugins, noise=noise)
    (folder / "a.toml").write_text(head + rest)
    return dpaudit.run(dpaudit.load(folder / "a.toml"))


def test_what_a_group_falls_short_is_not_the_size_of_its_bias(tmp_path):
    """One member is due and at the threshold, the other is not and often gains in exchange."""
    results = audit(tmp_path, '[[decision]]\nuse = "threshold"\nat = 100\n')
    (short,) = results.select(quantity="expected-shortfall", over="all", per="total")
    gains = np.exp(-5 / 10) / 2
    truth = 0.5 * (1 - gains)  # the first goes without, and the second does not step in
    assert short.estimate.low[0] <= truth <= short.estimate.high[0]
    # The control: the size of the group's bias is outside.
    assert not short.estimate.low[0] <= 0.5 - gains <= short.estimate.high[0]


def test_a_mitigated_task_has_no_other_budget(tmp_path):
    mitigated = '[[mitigation]]\nuse = "output-debiasing"\n'
    asked = '[[audit]]\nuse = "budget-for"\nunder = 0.001\n'
    results = audit(tmp_path, ALLOTMENT + mitigated + asked, counts=(1000, 2000))
    found = [m for m in results.measurements if m.quantity.startswith("budget-for")]
    assert [m.task for m in found] == [results.tasks[0].task.id]


def test_the_sum_of_the_true_outcomes_is_not_public(tmp_path):
    step = 'output = [{ use = "projection-onto-simplex" }]\n'
    counts = '[[decision]]\nuse = "counts"\n'
    with pytest.raises(dpaudit.SpecError, match="the sum of the true outcomes is not public"):
        audit(tmp_path, counts + step)
    assert audit(tmp_path, ALLOTMENT + step).tasks
    assert audit(tmp_path, counts + step.replace(" }]", ", total = 195 }]")).tasks


def test_a_mitigation_cannot_reach_true_counts_through_what_it_makes(tmp_path):
    rest = ALLOTMENT + '[[mitigation]]\nuse = "peeks"\n'
    with pytest.raises(dpaudit.SpecError, match="is the column of true counts 'people'"):
        audit(tmp_path, rest, plugins='plugins = ["peeks.py"]')


def test_a_joined_copy_of_the_counts_is_no_public_proxy(tmp_path):
    rest = ALLOTMENT + '[[mitigation]]\nuse = "linearised"\nproxy = "copy"\n'
    with pytest.raises(dpaudit.SpecError, match="is the column of true counts 'copy'"):
        audit(tmp_path, rest, joined=COPY)


def test_a_joined_copy_of_the_counts_is_no_scale_of_noise(tmp_path):
    with pytest.raises(dpaudit.SpecError, match="is the column of true counts 'copy'"):
        audit(tmp_path, ALLOTMENT, joined=COPY, noise='scale = "copy"')


def test_a_joined_copy_of_the_counts_is_no_label(tmp_path):
    joined = COPY + '[data.derived]\nfirst = { column = "copy", first = 1 }\n'
    with pytest.raises(dpaudit.SpecError, match="'copy' are the true counts, which are no labels"):
        audit(tmp_path, ALLOTMENT, joined=joined)


def test_the_guard_of_a_ratio_stays_when_releases_are_averaged(tmp_path):
    results = audit(tmp_path, ALLOTMENT + '[[mitigation]]\nuse = "multi-year-average"\n')
    guarded = {note.task for note in results.notes if note.kind == "definition"}
    assert guarded == {each.task.id for each in results.tasks}


def test_a_mitigation_that_fails_is_named(tmp_path):
    @attrs.frozen(kw_only=True)
    class Fails(dpaudit.Mitigation):
        """Fail."""

        name = "fails"

        def applies(self, subject):
            return 1 / 0

        def apply(self, subject):
            return subject

    registry = dpaudit.Registry.discover()
    registry.add(Fails)
    audit(tmp_path, ALLOTMENT)
    path = tmp_path / "a.toml"
    path.write_text(path.read_text() + '[[mitigation]]\nuse = "fails"\n')
    spec = dpaudit.load(path, registry=registry)
    results = dpaudit.run(spec, registry=registry)
    (failure,) = results.failures
    assert "'fails' failed in applies() on task 'noisy" in failure.message
    assert [each.task.mitigation for each in results.tasks] == [None]
