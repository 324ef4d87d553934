from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpaudit.toml import Source

KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=5),
)
LEAVES = st.one_of(
    st.integers(-(10**6), 10**6),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.sampled_from("ab,]}{[#='\"\\\n é\t."), max_size=8),
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def quoted(text):
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def key_of(text, draw):
    if text and all(c.isascii() and (c.isalnum() or c in "_-") for c in text) and draw(st.booleans()):
        return text
    if "'" not in text and draw(st.booleans()):
        return f"'{text}'"
    return quoted(text)


def value_of(value, draw):
    gap = draw(st.sampled_from(["", " ", "\n  # a comment with ] } = \" '\n "]))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        if draw(st.booleans()):
            escaped = value.replace("\\", "\\\\").replace('"""', '""\\"').replace("\t", "\\t")
            escaped = escaped[:-1] + '\\"' if escaped.endswith('"') else escaped
            return f'"""\n{escaped}"""'
        return quoted(value)
    if isinstance(value, list):
        inner = "".join(f"{gap}{value_of(item, draw)}{gap}," for item in value)
        return f"[{inner}{gap}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{key_of(k, draw)} = {value_of(v, draw)}" for k, v in value.items())
        return f"{{ {pairs} }}"
    return repr(value)


def is_tables(value):
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def write(tree, draw, prefix=()):
    """Write a tree, each table in one of the forms that TOML has for it."""
    lines, later = [], []
    for key, value in tree.items():
        form = draw(st.sampled_from(["inline", "header", "dotted"]))
        name = key_of(key, draw)
        if isinstance(value, dict) and form == "header":
            later.append((f"[{'.'.join((*prefix, name))}]", value, (*prefix, name)))
        elif is_tables(value) and form == "header":
            dotted = (*prefix, name)
            later += [(f"[[{' . '.join(dotted)}]]  # one", item, dotted) for item in value]
        elif isinstance(value, dict) and value and form == "dotted":
            lines += [f"{name} . {key_of(k, draw)} = {value_of(v, draw)}" for k, v in value.items()]
        else:
            lines.append(f"{name} = {value_of(value, draw)}")
    for head, inner, dotted in later:
        lines += [head, *write(inner, draw, dotted)]
    return lines


def paths_of(value, path=()):
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for step, inner in pairs:
        yield (*path, step)
        yield from paths_of(inner, (*path, step))


@given(tree=TREES, data=st.data())
def test_every_path_that_tomllib_finds_has_a_place(tree, data):
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    text = "\n".join(write(tree, data.draw)).replace("\n", newline)
    source = Source.parse(text, file="a.toml")
    assert source.problems == ()
    assert source.values == tree
    wanted = set(paths_of(source.values))
    assert set(source.places) == wanted
    lines = text.split("\n")
    for path, place in source.places.items():
        shown = lines[place.line - 1][place.column - 1 :][: place.width]
        if isinstance(path[-1], str):
            bare = shown[1:-1] if shown[:1] in {"'", '"'} else shown
            assert path[-1] == bare or "\\" in bare


def place(text, *path):
    found = Source.parse(text, file="a.toml").places[path]
    return found.line, found.column, found.width


def test_keys_inside_inline_tables_have_their_own_place():
    text = 'mechanism = { use = "laplac", epsilon = -1 }\n'
    assert place(text, "mechanism", "epsilon") == (1, 31, 7)


def test_arrays_of_inline_tables_over_several_lines():
    text = 'steps = [\n  { use = "a" }, # one ]\n  { use = "b", "x.y" = 1 },\n]\n'
    assert place(text, "steps", 1, "x.y") == (3, 16, 5)
    assert place(text, "steps", 1)[:2] == (3, 3)


def test_tables_of_arrays_of_tables():
    text = "[[a]]\nb = 1\n[[a.c]]\nd = 1\n[[a]]\n[a.e]\nf = 2\n"
    assert place(text, "a", 0, "c", 0, "d") == (4, 1, 1)
    assert place(text, "a", 1, "e", "f") == (7, 1, 1)
    assert place(text, "a", 1) == (5, 3, 1)


def test_columns_count_characters_and_lines_may_end_in_crlf():
    text = 'x = "é"\r\n"é" = { y = 1 }\r\n'
    assert place(text, "é", "y") == (2, 9, 1)


def test_a_problem_shows_the_line_a_caret_and_help():
    source = Source.parse('\tm = { epsilon = -1 }\n', file="a.toml")
    shown = str(source.problem(("m", "epsilon"), "must be > 0", hint="give a positive number"))
    assert shown == (
        "a.toml:1:8: must be > 0\n"
        "   |\n"
        " 1 | \tm = { epsilon = -1 }\n"
        "   | \t      ^^^^^^^\n"
        "   = help: give a positive number"
    )


def test_a_path_without_a_place_falls_back_to_the_table_around_it():
    source = Source.parse("[run]\nseed = 1\n", file="a.toml")
    assert source.problem(("run", "draws"), "is missing").column == 2
    assert str(source.problem(("data",), "is missing")) == "a.toml: is missing"


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = 1\nb = = 2\n", 2, 5),
        ("a = 1\na = 2\n", 2, 6),
        ("a = [1,\n", 1, 8),
        ('a = "x\n', 1, 7),
        ("a = [" * 1, 1, 6),
        ("a = " + "[" * 20_000, 1, 1),
        ("a = " + "1" * 5_000, 1, 1),
    ],
)
def test_invalid_toml_keeps_its_place(text, line, column):
    (problem,) = Source.parse(text, file="a.toml").problems
    assert (problem.line, problem.column) == (line, column)
    assert "not valid TOML" in problem.message


def test_a_byte_order_mark_is_ignored(tmp_path):
    file = tmp_path / "a.toml"
    file.write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    source = Source.read(file)
    assert source.values == {"a": 1}
    assert source.places[("a",)].column == 1


def test_a_byte_that_is_not_utf8_is_named(tmp_path):
    file = tmp_path / "a.toml"
    file.write_bytes('a = 1\nb = "é'.encode() + b'\xe9"\n')
    (problem,) = Source.read(file).problems
    assert (problem.line, problem.column) == (2, 7)
    assert "0xe9 is not UTF-8" in problem.message


def test_a_missing_file_and_a_folder_are_problems(tmp_path):
    (tmp_path / "audit.toml").write_text("")
    (missing,) = Source.read(tmp_path / "adit.toml").problems
    assert missing.message == "no such file"
    assert "audit.toml" in missing.hint
    (folder,) = Source.read(tmp_path).problems
    assert "folder" in folder.message
