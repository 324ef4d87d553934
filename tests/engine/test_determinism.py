"""The same audit gives the same bytes for any number of workers."""

import hashlib

import dpaudit

AUDIT = """
title = "Determinism"

[data]
file = "builtin:california-districts"
status = "public"
entity = "district_id"
count = "eligible_children"
groups = ["county"]

[run]
draws = {draws}

[[release]]
name = "clipped"
mechanism = {{ use = "laplace", epsilon = [0.01, 0.1] }}
neighbours = "add-remove"
postprocess = [{{ use = "non-negative" }}]

[[release]]
name = "projected"
mechanism = {{ use = "geometric", epsilon = 0.1 }}
neighbours = "replace"
postprocess = [{{ use = "simplex" }}]

[[decision]]
use = "allotment"
weights = "expenditure_per_student"
appropriation = 1_000_000
"""


def audit(folder, draws=1000):
    path = folder / "audit.toml"
    path.write_text(AUDIT.format(draws=draws))
    return path


def digest(results):
    found = hashlib.sha256()
    for each in results.measurements:
        found.update(repr((each.task, each.quantity, each.over, each.per, each.labels)).encode())
        estimate = each.estimate
        found.update(estimate.value.tobytes() + estimate.low.tobytes() + estimate.high.tobytes())
        found.update(estimate.method.encode())
    found.update(repr(results.notes).encode())
    return found.hexdigest()


def test_results_do_not_depend_on_the_number_of_workers(tmp_path):
    spec = dpaudit.load(audit(tmp_path))
    digests = {digest(dpaudit.run(spec, workers=workers)) for workers in (1, 2, 5)}
    assert len(digests) == 1


def test_adding_a_release_changes_no_other_number(tmp_path):
    path = audit(tmp_path)
    few = dpaudit.run(dpaudit.load(path))
    path.write_text(path.read_text().replace("[0.01, 0.1]", "[0.01, 0.1, 1.0]"))
    many = dpaudit.run(dpaudit.load(path))
    for task in few.tasks:
        before = few.select(task=task.task.id, quantity="expected-shortfall", over="entity")
        after = many.select(task=task.task.id, quantity="expected-shortfall", over="entity")
        assert before[0].estimate.value.tobytes() == after[0].estimate.value.tobytes()


def test_another_seed_gives_other_numbers(tmp_path):
    path = audit(tmp_path)
    first = digest(dpaudit.run(dpaudit.load(path)))
    path.write_text(path.read_text().replace("[run]", "[run]\nseed = 1"))
    assert digest(dpaudit.run(dpaudit.load(path))) != first
