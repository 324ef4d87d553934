"""What plug-ins say is said in the language of the report, from their own catalogues."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import attrs
import pytest

import dpaudit
import dpaudit_plugins
from dpaudit.data.groups import NOT_STATED, class_labels, share_labels
from dpaudit.model.report import Column, Figure, Paragraph, Section, Table
from dpaudit.model.spec import ClassSpec, ReportSpec
from dpaudit.report.assemble import build_report
from dpaudit.report.catalogues import Told, sentences
from dpaudit.report.localised import localised
from dpaudit.report.prose import Prose

PLUGINS = Path(*dpaudit_plugins.__path__)
MODULES = sorted(PLUGINS.glob("*/*.py"))
SPOKEN = {"caveats", "cost", "existence", "uncovered", "dpaudit_sections"}
"""Functions whose texts a report prints."""
PO = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Queues"
msgstr "Colas"

msgid "{who} waits {days} days in {place}."
msgstr "En {place} espera {who} {days} días."

msgid "One waits"
msgid_plural "{count} wait"
msgstr[0] "Espera uno"
msgstr[1] "Esperan {count}"
"""


def texts(tree):
    """Yield every text of a function that has words, an ``f"{x}"`` with 7 for what it holds."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
              for part in ast.walk(node) if part is not node}  # fmt: skip
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    docs = {id(f.body[0].value) for f in functions if isinstance(f.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in inside | docs:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(map(shown, node.values))


def shown(part):
    """Return a part of an f-string: 7, or 7%, for what it puts in."""
    if isinstance(part, ast.Constant):
        return part.value
    return "7%" if part.format_spec is not None and "%" in ast.unparse(part.format_spec) else "7"


def spoken():
    """Yield every text of the built-in plug-ins that a report may print, with its place."""
    for file in MODULES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name in SPOKEN:
                for text in texts(node):
                    if text.count(" ") >= 2:
                        yield f"{file.stem}: {text}", text


@pytest.fixture(scope="module")
def told():
    return Told.of(Prose("es"), [PLUGINS])


def test_the_built_in_plug_ins_say_everything_in_spanish(told):
    found = dict(spoken())
    assert len(found) > 80
    untold = [place for place, text in found.items() if told(text) == text and text[0].isalpha()]
    # A part of a sentence is no sentence: the whole of it is looked up.
    assert [place for place in untold if not any(
        found[place] in message for message in told.exact)] == []  # fmt: skip


def test_every_mitigation_is_named_in_spanish(told):
    registry = dpaudit.Registry.discover()
    for cls in (registry.get("mitigation", name) for name in registry.names("mitigation")):
        if cls.__module__.startswith("dpaudit_plugins"):
            said = " ".join(cls.__doc__.strip().split("\n\n")[0].split()).replace("``", "")
            assert told(said) != said, cls.name


def test_numbers_in_a_sentence_are_written_as_the_language_has_them(told):
    english = "the total has a share of 0.1 of the budget, and below about 1,234.5 the sum of "
    english += "the noisy counts is the better total"
    spanish = told(english)
    assert spanish.startswith("el total tiene una parte de 0,1 del presupuesto")
    assert "1.234,5" in spanish
    assert told("12.5") == "12,5"
    assert told("one two") == "one two", "a message of places alone fits nothing but numbers"


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """The name of a module of somebody else's package, which brings a catalogue."""
    package = tmp_path / "queues"
    (package / "locale").mkdir(parents=True)
    (package / "inner").mkdir()
    (package / "locale" / "es.po").write_text(PO, encoding="utf-8")
    for name in ("__init__.py", "inner/__init__.py", "inner/audit.py"):
        (package / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("queues.inner.audit")
    yield "queues.inner.audit"
    for name in [name for name in sys.modules if name.partition(".")[0] == "queues"]:
        del sys.modules[name]


@pytest.fixture
def spanish(make):
    make_results, make_dataset = make
    asked = ReportSpec(language="es", sections=("highlights", "findings"))
    return make_results(data=make_dataset(40), mechanisms=("laplace",), report=asked)


def test_a_plug_in_says_its_sentences_from_its_own_catalogue(stranger, spanish):
    _ = sentences(spanish, stranger)
    said = _("{who} waits {days} days in {place}.", who="Ana", days=_.decimal(2.5, places=1),
             place="Lima")  # fmt: skip
    assert said == "En Lima espera Ana 2,5 días."
    assert _.plural("One waits", "{count} wait", 2000) == "Esperan 2.000"
    assert _("Glossary") == "Glossary", "our own catalogue is not theirs"
    plain = sentences(spanish, "dpaudit.errors")
    assert plain("{n} wait", n=3) == "3 wait"
    assert dpaudit.sentences is sentences


def test_a_section_of_a_plug_in_is_in_the_language_of_the_report(stranger, spanish):
    table = Table(caption="Queues", columns=(Column(label="Queues"),), rows=(("1,234.5",),))
    figure = Figure(title="Queues", subtitle="Ana waits 3 days in Lima.", alt="Queues",
                    svg="<svg>Queues</svg>", table=table)  # fmt: skip
    section = Section(name="queues", title="Queues", blocks=(Paragraph(text="Queues"), figure))

    class Hook:
        def __getattr__(self, name):
            sections = {"dpaudit_sections": [{"queues": section}]}
            return lambda **_: sections.get(name, [])

    class Registry:
        hook = Hook()

    source = attrs.evolve(spanish.provenance.plugins[0], module=stranger)
    results = attrs.evolve(spanish, provenance=attrs.evolve(spanish.provenance, plugins=(source,)))
    report = build_report(results, registry=Registry())
    made = next(one for one in report.sections if one.name == "queues")
    assert made.title == "Colas"
    paragraph, drawn = made.blocks
    assert paragraph.text == "Colas"
    assert drawn.subtitle == "En Lima espera Ana 3 días."
    assert drawn.svg == "<svg>Queues</svg>"
    assert (drawn.table.caption, drawn.table.rows) == ("Colas", (("1.234,5",),))


def test_classes_are_called_in_the_language_of_the_report(spanish):
    bounds = (50.0, 1000.0)
    labels = (*class_labels(bounds, whole=True), *share_labels((0.05,), "county"), NOT_STATED)
    n = len(spanish.data)
    members = tuple(labels[i % len(labels)] for i in range(n))
    data = attrs.evolve(
        spanish.data, groups={"size": members, "county": spanish.data.groups["county"]}
    )
    spec = attrs.evolve(
        spanish.spec,
        data=attrs.evolve(
            spanish.spec.data, classes={"size": ClassSpec(column="x", bounds=bounds)}
        ),
    )
    told = localised(attrs.evolve(spanish, data=data, spec=spec))
    assert tuple(dict.fromkeys(told.data.groups["size"])) == (
        "menos de 50", "50 a 999", "1.000 o más", "menos de 5% de su county".replace("5%", "5 %"),
        "5 % o más de su county", "(sin indicar)",
    )  # fmt: skip
    assert told.data.groups["county"] == spanish.data.groups["county"]
    again = localised(told)
    assert again.data.groups == told.data.groups
    english = attrs.evolve(spec, report=ReportSpec())
    kept = attrs.evolve(spanish, data=data, spec=english)
    assert localised(kept) is kept
