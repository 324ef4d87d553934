"""The message catalogue holds every sentence, and a translation of it is used."""

from __future__ import annotations

import ast
import gettext
import io
import re
from importlib import resources
from pathlib import Path
from string import Formatter

import babel.messages.pofile as po
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo

from dpaudit.model.spec import ReportSpec
from dpaudit.report import prose
from dpaudit.report.assemble import build_report
from dpaudit.report.html import render_html
from dpaudit.report.prose import Prose, languages

KEYWORDS = {"_": None, "gettext": None, "noted": None, "prose": None, "plural": (1, 2)}
METHODS = [("**.py", "python"), ("**.j2", "jinja2")]


def sentences():
    packages = ("dpaudit.engine", "dpaudit.report", "dpaudit_templates")
    folders = [Path(str(resources.files(name))) for name in packages]
    found = (extract_from_dir(folder, method_map=METHODS, keywords=KEYWORDS) for folder in folders)
    return {message for each in found for _file, _line, message, _comments, _context in each}


def places(message):
    """Return the named places of a sentence, or of all its plural forms."""
    texts = (message,) if isinstance(message, str) else message
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}


def catalogue(language):
    file = resources.files("dpaudit.report") / "locale" / f"{language}.po"
    return po.read_po(io.BytesIO(file.read_bytes()), locale=language)


@pytest.mark.parametrize("language", [name for name in languages() if name != "en"])
def test_every_sentence_is_translated_and_keeps_its_places(language):
    made = catalogue(language)
    for message in sentences():
        found = made.get(message[0] if isinstance(message, tuple) else message)
        assert found is not None, message
        texts = (found.string,) if isinstance(found.string, str) else found.string
        assert all(texts), message
        assert not found.fuzzy
        assert places(found.string) == places(message), message


def test_a_report_in_spanish_says_so_throughout(make):
    make_results, make_dataset = make
    asked = ReportSpec(language="es", date="2024-04-01")
    results = make_results(data=make_dataset(40), mechanisms=("laplace",), report=asked)
    html = render_html(build_report(results))
    assert '<html lang="es">' in html
    assert "1 de abril de 2024" in html
    for word in ("Índice", "Hallazgos", "Glosario", "Confianza", "Qué hacer"):
        assert word in html
    english = {"Findings", "Glossary", "Contents", "What to do", "Methods", "Provenance",
                  "Limitations", "Average change", "What the audit found"}  # fmt: skip
    shown = set(re.findall(r">([^<>]+)<", html))
    assert not english & shown


def test_the_catalogue_template_is_up_to_date():
    file = resources.files("dpaudit.report") / "locale" / "dpaudit.pot"
    template = po.read_po(io.BytesIO(file.read_bytes()))
    assert sentences() <= {m.id for m in template if m.id}


def test_no_sentence_is_hidden_from_the_extraction():
    """Babel does not look for sentences among the arguments of another one."""
    found = {one if isinstance(one, str) else one[0] for one in sentences()}
    for file in Path(str(resources.files("dpaudit.report"))).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                called = ast.unparse(node.func).rpartition(".")[2]
                text = getattr(node.args[0], "value", None)
                if called in KEYWORDS and isinstance(text, str):
                    assert text in found, f"{file.name}:{node.lineno}"


def test_a_translation_reaches_the_page(linear, monkeypatch):
    catalogue = Catalog(locale="es")
    catalogue.add("Glossary", "Glosario")
    target = io.BytesIO()
    write_mo(target, catalogue)

    def translation(*_arguments):
        return gettext.GNUTranslations(io.BytesIO(target.getvalue()))

    monkeypatch.setattr(prose, "catalogue_in", translation)
    html = render_html(build_report(linear))
    assert '<h2 data-running="Glosario">Glosario</h2>' in html


def test_numbers_follow_the_language():
    assert Prose("de").whole(1234567) == "1.234.567"
    assert Prose("en").decimal(-1234.5, places=1) == "−1,234.5"
    assert Prose("en").listing(("a", "b", "c")) == "a, b, and c"
    assert Prose("en-US").tag == "en-US"
