"""The page: escaped, self-contained, well built for people who listen to it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import attrs
import pytest

from dpaudit.errors import PluginError, SpecError
from dpaudit.model.report import Figure, Paragraph, Section
from dpaudit.model.spec import ReportSpec
from dpaudit.report.assemble import build_report
from dpaudit.report.html import render_html
from dpaudit.report.prose import Prose
from dpaudit.report.svg import clean, figure_to_svg

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% include '/etc/passwd' %}",
    '<link rel=attachment href="file:///etc/passwd">',
    "</style><style>@import url(http://example.org/x)",
    "evil\u202egnp.exe\x00",
    "=cmd|' /C calc'!A0",
)


class Lint(HTMLParser):
    """Collects what a listener needs: headings, images, header cells, ids and links."""

    def __init__(self):
        super().__init__()
        self.headings, self.ids, self.links, self.faults, self.tags = [], [], [], [], []
        self.title = False

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        if tag == "th" and values.get("scope") not in {"row", "col"}:
            self.faults.append("th without scope")
        if tag == "img" and not values.get("alt"):
            self.faults.append("img without alt")
        if tag == "html" and not values.get("lang"):
            self.faults.append("no lang")
        self.faults += [f"{tag} {name}" for name in values if name.startswith("on")]


def lint(html):
    found = Lint()
    found.feed(html)
    return found


@pytest.fixture(scope="module")
def page(results):
    return render_html(build_report(results))


def test_the_page_lints(page):
    found = lint(page)
    assert not found.faults
    assert found.headings[0] == 1
    assert found.headings.count(1) == 1
    steps = zip(found.headings, found.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)
    assert len(found.ids) == len(set(found.ids))
    assert all(link.startswith("#") and link[1:] in found.ids for link in found.links)
    assert re.search(r"<title>[^<]+</title>", page)


def test_every_drawing_has_a_title_with_numbers_and_a_caption_that_concludes(page):
    drawings = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert drawings
    for drawing in drawings:
        title = re.search(r"<title>(.*?)</title>", drawing)
        assert title is not None
        assert "$" in title[1]
    assert page.count("figure-title") >= len(drawings)


def without_ours(page):
    """Return a page without the two kinds of script that are ours: code that sorts, and rows."""
    bare = re.sub(r'<script>"use strict";.*?</script>', "", page, count=1, flags=re.DOTALL)
    return re.sub(r'<script type="application/json">.*?</script>', "", bare, flags=re.DOTALL)


def test_the_page_is_self_contained_small_and_has_no_script_but_ours(page):
    assert len(page.encode()) < 3_000_000
    assert "<script" not in without_ours(page)
    outside = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert "http://" not in outside
    assert "https://" not in outside


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_in_every_name_stays_text(make, payload):
    make_results, make_dataset = make
    data = make_dataset(12)
    data = attrs.evolve(
        data,
        names=tuple(f"{payload} {i}" for i in range(12)),
        groups={f"g {payload}": tuple(f"{payload}{i % 3}" for i in range(12))},
        source=payload,
    )
    results = make_results(
        data=data, title=f"Title {payload}", mechanisms=("laplace",),
        report=ReportSpec(organisation=payload),
    )  # fmt: skip
    html = render_html(build_report(results))
    plain = make_results(data=make_dataset(12), mechanisms=("laplace",))
    expected = lint(render_html(build_report(plain)))
    found = lint(html)
    assert not found.faults
    assert found.tags.count("style") == expected.tags.count("style")
    assert found.tags.count("script") == expected.tags.count("script")
    for tag in ("img", "link", "iframe"):
        assert tag not in found.tags
    assert "root:" not in html
    assert "\u202e" not in html
    assert "\x00" not in html


def test_rows_to_look_up_end_no_element(make):
    make_results, make_dataset = make
    data = make_dataset(40)
    data = attrs.evolve(data, names=tuple(f"</script><img src=x> {i}" for i in range(40)))
    html = render_html(build_report(make_results(data=data, mechanisms=("laplace",))))
    stored = re.search(r'<script type="application/json">(.*?)</script>', html, flags=re.DOTALL)
    rows = json.loads(stored[1])["rows"]
    assert [row[0] for row in rows] == [f"</script><img src=x> {i}" for i in range(40)]
    assert "img" not in lint(html).tags


def test_the_page_of_a_pdf_has_no_script_and_nothing_to_look_up(results):
    html = render_html(build_report(results), is_interactive=False)
    assert "<script" not in html
    assert 'class="lookup"' not in html


def test_sections_are_picked_and_ordered(make):
    make_results, make_dataset = make
    picked = ReportSpec(sections=("glossary", "provenance"))
    report = build_report(make_results(data=make_dataset(20), report=picked))
    assert [s.name for s in report.sections] == ["glossary", "provenance"]
    assert lint(render_html(report)).headings[:2] == [1, 2]
    wrong = ReportSpec(sections=("glosary",))
    with pytest.raises(SpecError, match="did you mean 'glossary'"):
        build_report(make_results(data=make_dataset(20), report=wrong))


def test_a_plug_in_adds_a_section_and_its_drawing_is_cleaned(results):
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><title>t</title><script>1</script>'
        '<foreignObject/><path d="M0 0" style="fill:u\\72l(http://e.org)"/>'
        '<use href="http://e.org/x#y"/><image href="file:///etc/passwd"/></svg>'
    )

    class Hook:
        def dpaudit_sections(self, results):
            figure = Figure(title="T", subtitle="s", svg=svg, alt="a")
            return [{"mine": Section(name="mine", title="Mine", blocks=(figure,)),
                     "more": Paragraph(text="<b>")}]  # fmt: skip

        def dpaudit_findings(self, results):
            return []

        def dpaudit_recommendations(self, results, finding):
            return []

    class Registry:
        hook = Hook()

    html = render_html(build_report(results, registry=Registry()))
    assert 'id="mine"' in html
    assert "&lt;b&gt;" in html
    for bad in ("<script", "foreignObject", "onload", "e.org", "passwd"):
        assert bad not in without_ours(html)


def test_entities_in_a_drawing_are_refused():
    bomb = '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>'
    with pytest.raises(PluginError, match="entities"):
        clean(bomb)
    with pytest.raises(PluginError, match="not well-formed"):
        clean("<svg")


def test_a_matplotlib_figure_becomes_the_same_svg_twice():
    from matplotlib.figure import Figure as Plot

    def drawn():
        figure = Plot()
        figure.subplots().plot([1, 2], [3, 4])
        return clean(figure_to_svg(figure, "A line from 3 to 4 & on"))

    assert drawn() == drawn()
    assert "<title>A line from 3 to 4 &amp; on</title>" in drawn()
    assert "<text" in drawn()


def test_confidential_data_are_marked_on_the_page(confidential):
    html = render_html(build_report(confidential))
    assert 'class="banner kept"' in html
    assert "not for release" in html


def test_where_a_statute_is_applied_the_report_is_not_legal_advice(results):
    assert "Not legal advice" not in render_html(build_report(results))
    made = results.provenance
    cited = "Shares money.\n\nReferences\n----------\n"
    cited += "20 U.S.C. 6332(c), 6333(a) to (d); 34 CFR 200.71(a)."
    plugins = tuple(
        attrs.evolve(p, summary=cited) if p.kind == "decision" else p for p in made.plugins
    )
    law = attrs.evolve(results, provenance=attrs.evolve(made, plugins=plugins))
    html = render_html(build_report(law))
    assert "20 U.S.C. 6332(c) and 34 CFR 200.71(a). It is not legal advice" in html
    assert "Ask counsel of the agency" in html


def test_the_bill_of_materials_lists_every_version(results):
    html = render_html(build_report(results))
    table = html.split("Bill of materials")[-1].split("</table>")[0]
    for name, version in results.provenance.versions.items():
        assert f">{name}</th><td>{version}</td>" in table


def test_a_date_is_written_as_its_language_has_it():
    assert Prose("en").day("2024-04-01") == "April 1, 2024"
    assert Prose("es").day("2024-04-01") == "1 de abril de 2024"
