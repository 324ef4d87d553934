"""The message catalogue holds every sentence, and a translation of it is used."""

from __future__ import annotations

import gettext
import io
from importlib import resources
from pathlib import Path

import babel.messages.pofile as po
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo

from dpaudit.report.assemble import build_report
from dpaudit.report.html import render_html
from dpaudit.report.prose import Prose

KEYWORDS = {"_": None, "gettext": None, "plural": (1, 2)}


def sentences():
    folder = Path(str(resources.files("dpaudit.report")))
    found = extract_from_dir(folder, method_map=[("**.py", "python")], keywords=KEYWORDS)
    return {message for _file, _line, message, _comments, _context in found}


def test_the_catalogue_template_is_up_to_date():
    file = resources.files("dpaudit.report") / "locale" / "dpaudit.pot"
    template = po.read_po(io.BytesIO(file.read_bytes()))
    assert sentences() <= {m.id for m in template if m.id}


def test_a_translation_reaches_the_page(linear, monkeypatch):
    catalogue = Catalog(locale="es")
    catalogue.add("Glossary", "Glosario")
    target = io.BytesIO()
    write_mo(target, catalogue)

    def translation(*_arguments, **_options):
        return gettext.GNUTranslations(io.BytesIO(target.getvalue()))

    monkeypatch.setattr(gettext, "translation", translation)
    html = render_html(build_report(linear))
    assert '<h2 data-running="Glosario">Glosario</h2>' in html


def test_numbers_follow_the_language():
    assert Prose("de").whole(1234567) == "1.234.567"
    assert Prose("en").decimal(-1234.5, places=1) == "−1,234.5"
    assert Prose("en").listing(("a", "b", "c")) == "a, b, and c"
    assert Prose("en-US").tag == "en-US"
