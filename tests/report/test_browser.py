"""The page in a real browser: accessible, sortable, searchable, and closed to other scripts."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
from pathlib import Path

import attrs
import page as checker
import pytest

import dpaudit
from dpaudit.report.assemble import build_report
from dpaudit.report.html import NEUTRAL, policy, render_html
from dpaudit.report.pdf import render_pdf

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
WIDTHS = {"desktop": 1280, "phone": 500}
"""Headless Chromium opens no window narrower than 500: the page itself is made narrower."""
PHONE = 375
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture(scope="module")
def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)))


@pytest.fixture(scope="module")
def axe():
    home = importlib.metadata.distribution("axe-playwright-python")
    path = home.locate_file("axe_playwright_python/axe.min.js")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(results):
    return render_html(build_report(results))


@pytest.fixture(scope="module")
def confidential_page(confidential):
    return render_html(build_report(confidential))


@pytest.fixture
def opened(chromium, tmp_path):
    """Open a page, run a script in it, and return what the script puts into its answer."""

    def open_page(page, script, *, width=1280, keep_policy=False):
        file = tmp_path / "page.html"
        shown = page if keep_policy else POLICY.sub("", page)
        answer = f"<script>{script}</script>"
        file.write_text(shown.replace("</body>", answer + "</body>"), encoding="utf-8")
        done = subprocess.run(
            [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900",
             "--virtual-time-budget=20000", "--dump-dom", file.as_uri()],
            capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        found = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.DOTALL)
        return json.loads(re.sub("&(amp|lt|gt);", _character, found[1])) if found else None

    return open_page


def _character(match):
    return {"amp": "&", "lt": "<", "gt": ">"}[match[1]]


TELL = """
const tell = (value) => { const pre = document.createElement("pre"); pre.id = "answer";
  pre.textContent = JSON.stringify(value); document.body.append(pre); };
"""


def checked(axe):
    """Return a script that tells what axe finds wrong with a page, and how much it looked at."""
    options = json.dumps({"runOnly": {"type": "tag", "values": RULES}, "iframes": False})
    return f"""{axe};{TELL}
    axe.run(document, {options}).then((r) => tell({{
      passes: r.passes.length,
      violations: r.violations.map((v) => [v.id, v.impact, v.nodes.length,
        v.nodes[0].html.slice(0, 200)])}}));"""


def narrowed(page):
    """Return a page as wide as a phone: Chromium's window is not, so the page's root is."""
    return page.replace("</head>", f"<style>html {{ width: {PHONE}px }}</style></head>")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("which", ["page", "confidential_page"])
def test_axe_finds_nothing(opened, axe, request, width, which):
    shown = request.getfixturevalue(which)
    shown = narrowed(shown) if width == "phone" else shown
    found = opened(shown, checked(axe), width=WIDTHS[width])
    assert found["violations"] == []
    assert found["passes"] > 20


def example(name):
    """The results of an example with few draws; of several attacks two, at one budget each."""
    spec = dpaudit.load(ROOT / "examples" / name / "audit.toml")
    kept = {"bayes-pool", "suppression-interval"}
    spec = attrs.evolve(
        spec,
        run=attrs.evolve(spec.run, draws=64),
        attacks=tuple(one for one in spec.attacks if one.name in kept),
    )
    if spec.attacks:
        spec = attrs.evolve(spec, releases=tuple(map(at_one_budget, spec.releases)))
    return dpaudit.run(spec)


def at_one_budget(release):
    first = {k: v[:1] if isinstance(v, tuple) else v
             for k, v in release.mechanism.parameters.items()}  # fmt: skip
    return attrs.evolve(release, mechanism=attrs.evolve(release.mechanism, parameters=first))


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["title_i", "section_203", "suppression_vs_dp"])
def test_the_reports_of_examples_are_accessible_on_pages_and_on_paper(opened, axe, name, tmp_path):
    """Every page of three real reports, at the width of a desk and of a phone, and as PDF."""
    results = example(name)
    report = build_report(results, registry=dpaudit.Registry.discover())
    page = render_html(report)
    assert len(page.encode()) < 3_000_000
    for width, shown in (("desktop", page), ("phone", narrowed(page))):
        found = opened(shown, checked(axe), width=WIDTHS[width])
        assert found["violations"] == [], width
        assert found["passes"] > 20
    assert opened(narrowed(page), NARROW, width=500) == []
    paper = render_pdf(render_html(report, is_interactive=False), when=NEUTRAL, files={})
    assert len(paper) < 2_000_000
    (tmp_path / "report.pdf").write_bytes(paper)
    for profile in ("ua1", "3a"):
        checked_again = checker.validate_pdf(tmp_path / "report.pdf", profile=profile)
        assert checked_again.is_compliant, [(f.rule_id, f.message) for f in checked_again.failures]


def test_axe_sees_what_is_wrong(opened, axe, page):
    """The negative control: pale text, a field without a label, a page without a language."""
    bad = page.replace('<html lang="en">', "<html>").replace(
        "</main>", '<p style="color: #bbb">pale</p><input type="text"></main>'
    )
    found = opened(bad, checked(axe))
    assert {"html-has-lang", "color-contrast", "label"} <= {v[0] for v in found["violations"]}


SORT = (
    TELL
    + """
const table = [...document.querySelectorAll(".table:not(.asked) table")]
  .find((t) => t.tBodies[0].rows.length > 12);
const column = [...table.tHead.rows[0].cells].findIndex((c) => c.textContent === "In all");
const button = table.tHead.rows[0].cells[column].querySelector("button");
const cells = () => [...table.tBodies[0].rows].map((r) => r.cells[column].textContent);
const before = cells();
button.focus(); const focused = document.activeElement === button;
button.click(); const up = cells(), said = button.parentElement.getAttribute("aria-sort");
button.click(); const down = cells();
tell({before, up, down, focused, said, name: button.textContent});
"""
)


def amount(text):
    number = float(re.sub(r"[^\d.]", "", text)) * (1e6 if "million" in text else 1)
    return -number if text.startswith("\u2212") else number


def test_a_table_is_sorted_by_its_numbers(opened, page):
    found = opened(page, SORT)
    assert found["focused"]
    assert found["said"] == "ascending"
    up = [amount(cell) for cell in found["up"]]
    assert up == sorted(up)
    assert found["down"] == found["up"][::-1] or [amount(c) for c in found["down"]] == up[::-1]
    assert sorted(found["before"]) == sorted(found["up"])


FIND = (
    TELL
    + """
const part = document.querySelector(".lookup");
const input = part.querySelector("input");
input.value = "fresno unified"; input.dispatchEvent(new Event("input"));
const rows = [...part.querySelectorAll("tbody tr")].map((r) =>
  [...r.cells].map((c) => c.textContent));
const status = part.querySelector("[role=status]").textContent;
const label = part.querySelector("label").textContent;
input.value = ""; input.dispatchEvent(new Event("input"));
tell({rows, status, label, hidden: part.querySelector(".table").hidden});
"""
)


def test_my_district_is_found_by_its_name(opened, page, results):
    found = opened(page, FIND)
    named = [n for n in results.data.names if "Fresno Unified" in n]
    assert sorted(row[0] for row in found["rows"]) == sorted(named)
    assert found["status"] == f"{len(named)} of {len(results.data)} rows"
    assert found["label"].startswith("Name of the district")
    assert found["hidden"]
    first = found["rows"][0]
    at = results.data.names.index(first[0])
    assert amount(first[1]) == results.data.counts[at]


NARROW = (
    TELL
    + """
const wide = [...document.querySelectorAll("main *")].filter((e) =>
  e.getBoundingClientRect().right > 376 && !e.closest(".table") && !e.closest("svg"));
tell(wide.slice(0, 5).map((e) => e.outerHTML.slice(0, 120)));
"""
)


def test_nothing_but_tables_is_wider_than_a_phone(opened, page):
    assert opened(narrowed(page), NARROW, width=500) == []


def test_no_script_but_our_own_runs(opened, page):
    assert opened(page, TELL + "tell(1)", keep_policy=True) is None
    assert opened(page, TELL + "tell(1)") == 1
    assert POLICY.search(page)[0].count("sha256-") == 1
    assert policy("a") != policy("b")


def test_our_own_script_runs_under_the_policy(chromium, page, tmp_path):
    """What it makes of the page is there, though nothing was injected."""
    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    done = subprocess.run(
        [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={tmp_path / 'p'}", "--virtual-time-budget=5000", "--dump-dom",
         file.as_uri()],
        capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    assert 'class="sort"' in done.stdout
    assert 'role="status"' in done.stdout
    assert "Refused" not in done.stderr


def test_a_page_stays_small(page):
    assert len(page.encode()) < 3_000_000
