"""Audit files: faults with their places, or a plan; never anything but a :class:`DpauditError`."""

from __future__ import annotations

import copy
import json
import math
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dpaudit
from dpaudit import config, data
from dpaudit.engine.planner import make_plan
from dpaudit.engine.prepare import prepare_learning
from dpaudit.errors import DpauditError
from dpaudit.model.spec import Spec
from dpaudit.toml import Source

FUZZ = settings.get_profile("fuzz")
ROWS = {"title": "Grants", "run": {"seed": 1, "draws": 128, "confidence": 0.9, "time_limit": 5.0}}
DISTRICTS = {
    "data": {
        "file": "d.csv", "status": "public", "entity": "id", "count": "n", "label": "name",
        "noun": "district", "counted": "children", "groups": ["g", ["g", "size"]],
        "levels": ["g"], "where": {"g": ["a", "b"]},
        "derived": {"short": {"column": "name", "first": 1}},
        "classes": {"size": {"column": "n", "bounds": [2, 5.5]}},
        "joined": {"more": {"column": "w", "match": {"id": "id"}, "where": {"g": "a"},
                            "other": "1"}},
    },
    "release": [
        {"name": "clipped", "mechanism": {"use": "laplace", "epsilon": [0.1, 1]},
         "neighbours": "add-remove", "postprocess": [{"use": "non-negative"}]},
        {"name": "tree", "neighbours": "replace", "earlier": [{"what": "maps", "epsilon": 1}],
         "mechanism": {"use": "discrete-gaussian", "rho": 0.1, "levels": {"g": 0.5, "id": 0.5},
                       "invariants": ["total"]},
         "postprocess": [{"use": "non-negative-hierarchical"}]},
    ],
    "decision": [
        {"use": "allotment", "weights": "w", "appropriation": 100,
         "output": [{"use": "projection-onto-simplex"}]},
        {"use": "formula", "formula": "a * x / 7", "where": {"a": "w"}},
        {"name": "top", "use": "top-k", "k": 2},
    ],
    "audit": [{"use": "bias", "fail_if": {"over": 0.5, "for": "any group"}},
              {"use": "alpha-fairness"}],
    "mitigation": [{"use": "unprocessed-counts", "releases": ["clipped"]}],
    "attack": [{"use": "printed-count", "game": "pool", "replicates": 10}],
    "public": {"release": {"file": "d.csv", "made_by": "clipped", "at": {"epsilon": 1.0},
                           "bootstrap": 200}},
    "report": {"organisation": "Office", "formats": ["html"], "language": "en", "date":
               "2024-04-01", "rows_per_table": 5, "sections": ["findings"],
               "map": {"tiles": "us-states"}},
}  # fmt: skip
PEOPLE = {
    "data": {"file": "p.csv", "status": "confidential", "table": ["area", "age"],
             "domain": {"area": ["A", "B"], "age": {"column": "age", "bounds": [18, 65]}},
             "groups": ["area"]},
    "release": [{"mechanism": {"use": "randomized-response", "epsilon": 1.0,
                               "attribute": "area"}, "neighbours": "replace"}],
    "decision": [{"use": "counts"}],
}  # fmt: skip
LEARNING = {
    "training": {"file": "t.csv", "status": "public", "features": ["a", "c"], "label": "y",
                 "group": "g", "labels": ["0", "1"],
                 "ranges": {"a": [0, 23], "c": {"log": [0, 2]}}, "norm": "unit",
                 "split": {"test": 0.5}, "reference": "optimum"},
    "learner": [{"use": "logistic"}, {"name": "noisy", "use": "output-perturbation",
                                      "epsilon": [0.5, 2], "replicates": 2}],
    "audit": [{"use": "excessive-risk"}],
}  # fmt: skip
SEEDS = {"districts": {**ROWS, **DISTRICTS}, "people": {**ROWS, **PEOPLE},
         "learning": {**ROWS, **LEARNING}}  # fmt: skip
FILES = {
    "d.csv": "id,name,n,w,g\n1,One,3,1.5,a\n2,Two,0,2,b\n3,Three,9,1,a\n",
    "p.csv": "area,age\nA,3\nB,70\nA,20\n",
    "t.csv": "a,c,y,g\n" + "".join(f"{i},{i % 3},{i % 2},{'uv'[i % 2]}\n" for i in range(24)),
}
ODD = st.sampled_from(
    [True, False, 0, -1, 1, 2, 10**18, 2**62, 0.0, -0.5, 1e-300, 1e300, math.inf, -math.inf,
     math.nan, "", " ", "x", "a", "id", "n", "w", "name", "d.csv", "p.csv", ".", "..", "/", "\0",
     "a\0b", "n" * 300, "../" * 60 + "etc/passwd", "http://127.0.0.1:9/x", "file:///etc/passwd",
     "builtin:", "builtin:x", "data:..", "data:x", "\u202e", "{}", "%s", "{x}", "é", "\U0001f600",
     "laplace", "counts", "top-down", "replicates", "add-remove", "pool", "2024-02-30", "public",
     [], {}, [[]], [{}], ["a"], [1, 1], {"use": "round"}, {"use": []}, [{"use": "simplex"}],
     {"a": {}}, [0.1, "x"], [math.nan]]
)  # fmt: skip
TIMES = st.dates() | st.times() | st.datetimes()
ANY = ODD | TIMES | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=6)
BARE = set(string.ascii_letters + string.digits + "_-")


def toml(value):
    """Return a value as TOML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        safe = value.encode("utf-8", "replace").decode()
        return json.dumps(safe, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return value.isoformat()


def key(name):
    return name if name and set(name) <= BARE else toml(name)


def document(tree):
    """Return a tree as the text of an audit file, with headers where its author would have one."""
    plain, tables = [], []
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            rows = [f"{key(k)} = {toml(v)}" for k, v in value.items()]
            tables += [f"[{key(name)}]", *rows]
        elif isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            for one in value:
                tables += [f"[[{key(name)}]]", *(f"{key(k)} = {toml(v)}" for k, v in one.items())]
        else:
            plain.append(f"{key(name)} = {toml(value)}")
    return "\n".join([*plain, *tables, ""])


@st.composite
def harmed(draw, seed):
    """Return an audit file with some values and keys changed, taken out or added."""
    tree = copy.deepcopy(SEEDS[seed])
    for _ in range(draw(st.integers(0, 2)) + draw(st.integers(0, 1))):
        place, holder, step = tree, None, None
        while isinstance(place, dict | list) and place:
            steps = list(place) if isinstance(place, dict) else list(range(len(place)))
            holder, step = place, draw(st.sampled_from(steps))
            place = holder[step]
            if draw(st.integers(0, 3)) == 0:
                break
        if holder is None:
            break
        change(draw, holder, step)
    return document(tree)


def change(draw, holder, step):
    what = draw(st.sampled_from(["value", "value", "value", "out", "twice", "key", "within"]))
    if what == "out":
        del holder[step]
    elif what == "twice" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[step]))
    elif what == "key" and isinstance(holder, dict):
        holder[draw(st.text(max_size=4) | st.just("use"))] = holder.pop(step)
    elif what == "within":
        holder[step] = [holder[step]]
    else:
        holder[step] = copy.deepcopy(draw(ANY))


def audited(folder, text, registry):
    """Check, load and plan an audit file; return its spec, or ``None`` where it is refused."""
    file = folder / "a.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    problems = config.check(file, registry)
    for problem in problems:
        assert problem.message
        assert "\n" not in problem.message
        lines = file.read_bytes().count(b"\n") + 1
        assert 0 <= problem.line <= lines
        str(problem)
    try:
        spec = dpaudit.load(file, registry=registry)
        assert not problems
        if spec.training is not None:
            prepare_learning(spec, registry=registry)
        else:
            make_plan(spec, registry, data.read(spec.data, folder, registry))
    except DpauditError as error:
        assert error.message
        return None
    return spec


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("seed", SEEDS)
def test_the_seeds_have_no_fault(seed, folder, registry):
    assert audited(folder, document(SEEDS[seed]), registry) is not None


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_only_our_own_errors_come_out_of_harmed_files(seed, folder, registry):
    @settings(FUZZ)
    @given(text=harmed(seed))
    def only(text):
        assert isinstance(audited(folder, text, registry), Spec | None)

    only()


@settings(FUZZ)
@given(content=st.binary(max_size=40) | st.text("[]{}=\"'#.,\n\\ab1-é", max_size=40))
@example(content="a = " + "[" * 500 + "]" * 500)
@example(content="[" + "a." * 3000 + "a]")
@example(content="a = 1e99999999\n[run]\nseed = 0x" + "f" * 400)
def test_only_our_own_errors_come_out_of_any_text(content, folder, registry):
    assert isinstance(audited(folder, content, registry), Spec | None)


@settings(FUZZ)
@given(text=harmed("districts"), at=st.integers(0, 2000), more=st.text(max_size=3))
def test_every_key_of_what_tomllib_reads_has_a_place(text, at, more):
    source = Source.parse(text[:at] + more + text[at:], file="a.toml")
    assert source.problems or all((name,) in source.places for name in source.values)
