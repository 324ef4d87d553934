"""[training] and [[learner]]: what they mean, and every fault with its place."""

import textwrap

import numpy as np
import pytest

import dpaudit
from dpaudit.config import check, from_json, load, to_json
from dpaudit.engine.prepare import prepare_learning

ROWS = 60


def write_people(folder, change=None):
    rng = np.random.default_rng(2)
    lines = ["age,job,hours,sex,one,yes"]
    for i in range(ROWS):
        row = [str(20 + i % 40), "abc"[i % 3], str(10 + i % 31), "fm"[i % 2], "1",
               str(int(rng.random() < 0.4))]  # fmt: skip
        lines.append(",".join(row))
    if change is not None:
        lines = change(lines)
    (folder / "people.csv").write_text("\n".join(lines) + "\n")


AUDIT = """\
    title = "People"

    [training]
    file = "people.csv"
    status = "public"
    features = ["age", "job", "hours"]
    label = "yes"
    group = "sex"
    ranges = { age = [18, 60], hours = { log = [0, 60] } }
    split = { test = 0.2 }

    [[learner]]
    use = "output-perturbation"
    epsilon = [0.5, 2.0]
    penalty = 0.1
    replicates = 8
    """


def audit_file(folder, text=AUDIT, **changes):
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    path = folder / "audit.toml"
    path.write_text(textwrap.dedent(text))
    return path


def test_people_are_read_scaled_and_split(tmp_path):
    write_people(tmp_path)
    spec = load(audit_file(tmp_path))
    assert from_json(to_json(spec)) == spec
    data = prepare_learning(spec).training
    assert (len(data.train), len(data.held_out)) == (48, 12)
    assert data.columns == ("age", "job=a", "job=b", "job=c", "hours", "constant")
    assert data.classes == ("0", "1")
    assert data.names == ("f", "m")
    assert data.norm_bound == 1.0
    assert data.public_scaling
    together = np.sort(np.concatenate([data.rows, data.held_out_rows]))
    np.testing.assert_array_equal(together, np.arange(ROWS))
    row = 2.0 * data.train.inputs[0]  # four blocks with the constant: norm at most 2
    i = int(data.rows[0])
    want = [(2 + i % 40) / 42, *np.eye(3)[i % 3], np.log1p(10 + i % 31) / np.log1p(60), 1.0]
    np.testing.assert_allclose(row, want, atol=1e-12)
    assert np.linalg.norm(data.train.inputs, axis=1).max() <= 1.0


@pytest.mark.parametrize(("norm", "length"), [("unit", 1.0), ("none", None)])
def test_rows_may_be_divided_by_their_own_norm(tmp_path, norm, length):
    write_people(tmp_path)
    path = audit_file(tmp_path, norm=('group = "sex"', f'group = "sex"\nnorm = "{norm}"'))
    data = prepare_learning(load(path)).training
    norms = np.linalg.norm(data.train.inputs, axis=1)
    assert norms.max() <= data.norm_bound * (1 + 1e-12)
    if length is not None:
        np.testing.assert_allclose(norms, length)


def test_groups_may_be_classes_and_intersections(tmp_path):
    write_people(tmp_path)
    path = audit_file(
        tmp_path,
        group=('group = "sex"', 'group = ["sex", "age"]\nclasses = { age = [40] }'),
        split=("test = 0.2", "test = 0.5"),
    )
    data = prepare_learning(load(path)).training
    assert data.group == "sex × age"
    assert data.names == ("f × under 40", "f × 40 and over", "m × under 40", "m × 40 and over")
    assert "also a feature" in " ".join(data.assumptions)  # age is both


FAULTS = {
    "no status": (('status = "public"\n', ""), "the key 'status' is missing", 3),
    "label as feature": (('"hours"]', '"hours", "yes"]'), "'yes' is the label", 6),
    "unknown column": (('"job"', '"jobs"'), "the data have no column 'jobs'", 6),
    "unknown group": (('group = "sex"', 'group = "sexx"'), "no column 'sexx'", 8),
    "empty range": (("[18, 60]", "[60, 18]"), "the range from 60 to 18 is empty", 9),
    "no range": (("[18, 60]", "18"), "18 is not a range", 9),
    "range of nothing": (("{ age =", "{ agee ="), "'agee' is none of the features", 9),
    "share": (("test = 0.2", "test = 1.2"), "from 0 to below 1: 1.2", 10),
    "no learner": (('use = "output-perturbation"', 'use = "output-perturbatio"'),
                   "no learner is named 'output-perturbatio'", 13),
    "no runs": (("replicates = 8", "replicates = 0"), "from 1 to 100,000: 0", 16),
    "against nobody": (("replicates = 8", 'against = "sgd"'), "no learner is named 'sgd'", 16),
    "unknown key": (("replicates = 8", "replicate = 8"), "unknown parameter 'replicate'", 16),
    "reference": (('group = "sex"', 'group = "sex"\nreference = "best"'),
                  "'best' is no reference and no learner", 9),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_their_line(tmp_path, fault):
    write_people(tmp_path)
    change, message, line = FAULTS[fault]
    problems = check(audit_file(tmp_path, one=change))
    assert len(problems) == 1, problems
    assert message in problems[0].message
    assert problems[0].line == line
    assert check(audit_file(tmp_path)) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[data]\nfile = "people.csv"\n', "[data] and [training] do not go together"),
        ('[[decision]]\nuse = "counts"\n', "[decision] and [training] do not go together"),
        ('[[mitigation]]\nuse = "output-debiasing"\n', "a [[learner]] with against = NAME"),
        ('[[audit]]\nuse = "bias"\n', "the audit 'bias' is of decisions"),
    ],
)
def test_what_training_replaces_is_refused(tmp_path, more, message):
    write_people(tmp_path)
    problems = check(audit_file(tmp_path, textwrap.dedent(AUDIT) + more))
    assert any(message in str(problem) for problem in problems)


def test_learners_need_people(tmp_path):
    path = tmp_path / "audit.toml"
    path.write_text('[[learner]]\nuse = "logistic"\n[data]\nfile = "a.csv"\nstatus = "public"\n'
                    'entity = "a"\ncount = "b"\n')  # fmt: skip
    assert any("[[learner]] needs [training]" in p.message for p in check(path))
    write_people(tmp_path)
    bare = textwrap.dedent(AUDIT).partition("[[learner]]")[0]
    assert "no [[learner]]" in check(audit_file(tmp_path, bare))[0].message


def changed_cell(line, column, value):
    def change(lines):
        cells = lines[line].split(",")
        cells[column] = value
        return [*lines[:line], ",".join(cells), *lines[line + 1 :]]

    return change


BAD_ROWS = {
    "empty cell": (changed_cell(5, 0, ""), r"people.csv, line 6, column 'age': the cell is empty"),
    "not a number": (changed_cell(5, 0, "nan"), r"line 6, column 'age': 'nan' is no number"),
    "large": (changed_cell(5, 2, "1e300"), "is too large"),
    "missing label": (changed_cell(7, 5, " "), r"line 8, column 'yes': the cell is empty"),
    "one class": (lambda lines: [lines[0], *(line[:-1] + "1" for line in lines[1:])],
                  "every label is '1'"),
    "one group": (lambda lines: [line.replace(",f,", ",m,") for line in lines],
                  "every record is in the group 'm'"),
    "group of one": (changed_cell(5, 3, "x"), "nobody of the group 'x' is"),
    "no rows": (lambda lines: lines[:1], "a header and no rows"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_bad_rows_are_named(tmp_path, fault):
    change, message = BAD_ROWS[fault]
    write_people(tmp_path, change)
    with pytest.raises(dpaudit.DataError, match=message):
        prepare_learning(load(audit_file(tmp_path)))


def test_a_wrong_label_set_is_named(tmp_path):
    write_people(tmp_path)
    path = audit_file(tmp_path, label=('label = "yes"', 'label = "yes"\nlabels = ["0", "2"]'))
    with pytest.raises(dpaudit.DataError, match="'1' is none of the labels"):
        prepare_learning(load(path))


def test_scaling_by_the_data_is_refused_by_what_promises_privacy_alone(tmp_path):
    write_people(tmp_path)
    change = ("ranges = { age = [18, 60], hours = { log = [0, 60] } }", "")
    with pytest.raises(dpaudit.UsageError, match="scaled by the data's own range"):
        prepare_learning(load(audit_file(tmp_path, one=change)))
    path = audit_file(
        tmp_path, one=change, two=("use = \"output-perturbation\"", 'use = "logistic"'),
        three=("    epsilon = [0.5, 2.0]\n", ""),
    )  # fmt: skip
    data = prepare_learning(load(path)).training
    assert "which is not public" in " ".join(data.assumptions)


def test_a_reference_that_is_not_to_be_had_is_refused(tmp_path):
    write_people(tmp_path)
    (tmp_path / "mine.py").write_text(
        "import dpaudit\n"
        "@dpaudit.learner(name='mine')\n"
        "def mine(data, rng):\n"
        "    'Predict nothing.'\n"
    )
    text = textwrap.dedent(AUDIT).partition("[[learner]]")[0] + '[[learner]]\nuse = "mine"\n'
    text = 'plugins = ["mine.py"]\n' + text
    with pytest.raises(dpaudit.SpecError, match="'mine' has no exact minimiser"):
        prepare_learning(load(audit_file(tmp_path, text)))
    text = text.replace('group = "sex"', 'group = "sex"\nreference = "sgd"')
    with pytest.raises(dpaudit.SpecError, match="cannot be trained without protection"):
        prepare_learning(load(audit_file(tmp_path, text)))


def thinned(folder, share, rest=""):
    write_people(folder)
    thin = f"split = {{ test = 0.2 }}\n    thin = {{ f = {share} }}\n    {rest}"
    spec = load(audit_file(folder, a=("split = { test = 0.2 }", thin)))
    assert from_json(to_json(spec)) == spec
    return prepare_learning(spec).training


def test_a_group_is_thinned_among_those_learnt_from(tmp_path):
    every, half, tenth = (thinned(tmp_path, share) for share in (1.0, 0.5, 0.1))
    women = [int(data.train.sizes[0]) for data in (every, half, tenth)]
    assert women == [women[0], round(0.5 * women[0]), round(0.1 * women[0])]
    assert len({int(data.train.sizes[1]) for data in (every, half, tenth)}) == 1
    assert set(tenth.rows) < set(half.rows) < set(every.rows)
    assert np.array_equal(every.held_out_rows, tenth.held_out_rows)
    few = thinned(tmp_path, 0.1, "records = 20")
    assert len(few.rows) == 20
    assert int(few.train.sizes[0]) <= round(0.1 * women[0])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("f = 0.5", "f = 0.0", "a share above 0, up to 1, is kept: 0.0"),
        ("f = 0.5", "f = 1.5", "a share above 0"),
        ("f = 0.5", 'f = "half"', "half"),
        ("f = 0.5", "x = 0.5", "thin names 'x', and the groups are f, m"),
        ("f = 0.5", "f = 0.001", "nobody of the group 'f' is learnt from"),
    ],
)
def test_a_fault_of_thinning(tmp_path, old, new, told):
    write_people(tmp_path)
    thin = "split = { test = 0.2 }\n    thin = { f = 0.5 }"
    with pytest.raises(dpaudit.DpauditError, match=told):
        prepare_learning(
            load(audit_file(tmp_path, a=("split = { test = 0.2 }", thin), b=(old, new)))
        )
