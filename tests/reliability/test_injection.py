"""Hostile text in every field of an audit and its data: nothing runs, nothing is fetched.

One audit holds them all; every format is written of it, and each is looked at as what reads it
would: a browser under the page's own policy, a PDF reader, a spreadsheet, a terminal, a pipeline.
"""

from __future__ import annotations

import csv
import http.server
import io
import json
import re
import shutil
import subprocess
import threading
from html.parser import HTMLParser

import pytest

from dpaudit.cli.main import run
from dpaudit.report.svg import clean

pytestmark = pytest.mark.slow

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
MARK = "data-hacked"
DO = f"document.documentElement.setAttribute('{MARK}','1')"


def payloads(address, secret):
    """What is tried; ``address`` is a server that counts, ``secret`` a file nobody may read."""
    return [
        f"<script>{DO}</script>",
        f"</script></style></title></textarea><script>{DO}</script>",
        f'"><img src={address}/img onerror="{DO}">',
        f"<svg onload={DO}><image href='{address}/svg'/><foreignObject/></svg>",
        f"<a href='javascript:{DO}'>x</a>",
        f"<iframe src='file://{secret}'></iframe><embed src='{address}/embed'>",
        f"<link rel=attachment href='file://{secret}'>",
        f"<link rel=stylesheet href='{address}/css'><base href='{address}'>",
        f"<style>@import url({address}/import); body {{ background: url({address}/bg) }}</style>",
        f"}} @import '{address}/css2'; x {{ content: url({address}/content)",
        f"<meta http-equiv=refresh content='0;url={address}/refresh'>",
        f"{{{{ ''.__class__ }}}}{{% for x in () %}}<b onclick={DO}>",
        f"={address}!A1",
        '=HYPERLINK("http://127.0.0.1/","x")',
        "+1+1", "-2+3", "@SUM(1)", "＝1+1", "a;=1+1", " =1+1",
        "${jndi:ldap://127.0.0.1/x}", "%s%n{0}{x}", "$(touch hacked)`touch hacked`",
        f"file://{secret}", f"{address}/plain", f"[a]({address}/md) ![b]({address}/md2)",
        "../../../hacked", "/hacked", "C:\\hacked", "con", "..", "~root",
        "\u202egnp.exe", "\u2066iso\u2069", "\u200fmark", "a\u2028b\u0085c",
        "n" * 300, "\u00e9\u0301" * 100, "\U0001f600" * 80,
        "::error file=x::owned", "##[add-path]owned", "%0A::add-mask::x",
    ]  # fmt: skip


CONTROLS = "\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b1m\x7f"
"""What a terminal obeys. XML and TOML hold it as escapes; a CSV file as it is."""

AUDIT = """
title = {title}
plugins = ["own.py"]
[data]
file = {file}
status = "public"
entity = "id"
count = "n"
label = "name"
noun = {noun}
counted = {counted}
groups = [{group}, "kind"]
[run]
draws = 128
[[release]]
name = {release}
mechanism = {{ use = "laplace", epsilon = [0.1, 1.0] }}
neighbours = "add-remove"
earlier = [{{ what = {earlier}, epsilon = 1.0 }}]
postprocess = [{{ use = "non-negative" }}]
[[decision]]
name = {decision}
use = "own"
[[decision]]
use = "allotment"
[[audit]]
use = "bias"
name = {audit}
fail_if = {{ over = 1e-9, for = "any group" }}
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "own-audit"
[[mitigation]]
name = {mitigation}
use = "unprocessed-counts"
[report]
organisation = {organisation}
"""
PLUGIN = '''
"""{text}"""
import dpaudit

@dpaudit.decision(name="own", unit={unit!r})
def own(counts):
    """{text}"""
    return 2.0 * counts

@dpaudit.audit(name="own-audit")
def own_audit(subject, rng):
    """{text}"""
    raise ValueError({unit!r})
'''


@pytest.fixture(scope="module")
def server():
    """A server on this machine, and the paths that it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}", asked
    made.shutdown()
    made.server_close()
    thread.join()


def toml(text):
    return json.dumps(text).replace("\\ud83d\\ude00", "\\U0001F600").replace("\x7f", "\\u007f")


@pytest.fixture(scope="module")
def hostile(server, tmp_path_factory):
    """The folder of a hostile audit with its report in every format, and what was printed."""
    address, _ = server
    root = tmp_path_factory.mktemp("hostile")
    secret = root / "secret.txt"
    secret.write_text("SECRET-OF-THE-HOUSE")
    tried = payloads(address, secret)
    here = root / "audit"
    here.mkdir()
    group = f"g<script>{DO}</script>{CONTROLS}\u202e"
    data = "=1+1 <b>é.csv"
    rows = [["id", "name", "n", group, "kind"]]
    for i, payload in enumerate(tried):
        rows.append([payload, CONTROLS + tried[-i], i * 7, tried[i % 5], tried[5 + i % 7]])
    with (here / data).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    words = ["title", "noun", "counted", "release", "earlier", "decision", "audit", "mitigation",
             "organisation"]  # fmt: skip
    # A name in an audit file may hold nothing that cannot be seen; a title may.
    given = {word: toml(f"{tried[i]} ::stop-commands::{word}") for i, word in enumerate(words)}
    given |= {word: toml(f"{CONTROLS}\n::stop-commands::\n{tried[0]}")
              for word in ("title", "organisation")}  # fmt: skip
    text = AUDIT.format(**given, group=toml(group), file=toml(data))
    (here / "audit.toml").write_text(text, encoding="utf-8")
    own = PLUGIN.format(text=tried[1].replace('"', "'"), unit=f"{tried[0]}{CONTROLS}")
    (here / "own.py").write_text(own, encoding="utf-8")
    return here


def files_of(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def report(hostile, server, monkeymodule):
    """Write every format beside one another."""
    monkeymodule.chdir(hostile)
    before = files_of(hostile.parent)
    out = hostile / "out"
    formats = [word for name in ("html", "pdf", "json", "markdown", "sarif")
               for word in ("--format", name)]  # fmt: skip
    code = run(["report", "audit.toml", "--out", "out", "--no-cache", *formats])
    assert code == 3  # the plug-in audit fails, and everything else is there
    assert server[1] == [], "something was fetched while the report was made"
    after = files_of(hostile.parent)
    assert {path for path in after if path not in before} == set(out.iterdir())
    assert {path: after[path] for path in before} == before
    return out


@pytest.fixture(scope="module")
def monkeymodule():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_only_known_files_are_written(report):
    assert {path.name for path in report.iterdir()} == {
        "report.html", "report.pdf", "report.md", "findings.json", "findings.sarif",
        "measurements.csv", "measurements.parquet", "run.json",
    }  # fmt: skip


class Tags(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.seen = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def test_the_page_holds_no_element_but_its_own(report):
    page = (report / "report.html").read_text(encoding="utf-8")
    seen = Tags(page).seen
    assert {tag for tag, _ in seen} & {
        "iframe",
        "embed",
        "object",
        "base",
        "form",
        "foreignobject",
    } == set()
    assert sum(tag == "script" and "type" not in a for tag, a in seen) == 1
    assert all(a.get("type") == "application/json" for tag, a in seen if tag == "script" and a)
    links = [a.get(name) for _, a in seen for name in ("href", "src", "xlink:href") if a.get(name)]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not [name for _, a in seen for name in a if name.startswith("on")]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert not re.search(r"@import|url\((?!data:)|127\.0\.0\.1", style)
    assert not HIDDEN.search(page)
    assert page.count("&lt;script&gt;") > 10, "the names are there, as text"


BROWSE = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
          "--virtual-time-budget=4000", "--dump-dom"]  # fmt: skip


def browsed(file, folder):
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)))
    done = subprocess.run(
        [browser, *BROWSE, f"--user-data-dir={folder / 'profile'}", file.as_uri()],
        capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    return done.stdout


@pytest.mark.browser
def test_a_browser_runs_and_fetches_nothing(report, server, tmp_path):
    address, asked = server
    asked.clear()
    assert MARK + '="' not in browsed(report / "report.html", tmp_path)
    assert asked == []
    bad = tmp_path / "bad.html"  # the control: the same text, were it not escaped
    bad.write_text("<html><body>" + "".join(payloads(address, "x")[1:4]) + "</body></html>")
    assert MARK + '="' in browsed(bad, tmp_path)
    assert "/img" in asked


def test_the_pdf_embeds_fetches_and_launches_nothing(report, server):
    import pikepdf

    content = (report / "report.pdf").read_bytes()
    assert b"SECRET-OF-THE-HOUSE" not in content
    with pikepdf.open(io.BytesIO(content)) as document:
        assert set(document.attachments) == {
            "audit.toml", "findings.json", "measurements.csv", "measurements.parquet",
        }  # fmt: skip
        kinds = set()
        for thing in document.objects:
            if isinstance(thing, pikepdf.Stream):
                assert b"SECRET-OF-THE-HOUSE" not in thing.read_bytes()
            if isinstance(thing, pikepdf.Dictionary):
                kinds |= {str(thing.get("/S", "")), *map(str, thing.keys())}
        assert not kinds & {"/JavaScript", "/JS", "/Launch", "/URI", "/SubmitForm", "/AA", "/GoToR"}


def test_a_spreadsheet_finds_no_formula(report):
    text = (report / "measurements.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    number = re.compile(r"-?(\d+\.?\d*(e[+-]?\d+)?|inf)")
    for row in rows:
        assert len(row) == len(rows[0])
        for cell in row:
            for part in cell.split(";"):  # where a comma is for decimals
                assert not re.match(r"\s*[=+\-@＝＋－＠]", part) or number.fullmatch(cell)


def test_documents_keep_the_text_and_hide_nothing(report, hostile):
    import pyarrow.parquet as pq

    for name in ("findings.json", "findings.sarif", "run.json"):
        text = (report / name).read_text(encoding="utf-8")
        assert not HIDDEN.search(text), name
        assert json.loads(text)
    kept = json.loads((report / "findings.json").read_text(encoding="utf-8"))
    assert CONTROLS in kept["title"]
    with (hostile / "=1+1 <b>é.csv").open(newline="", encoding="utf-8") as file:
        names = {row[0] for row in list(csv.reader(file))[1:]}
    stored = pq.read_table(report / "measurements.parquet", columns=["entity"])
    assert names <= set(stored["entity"].to_pylist())


def test_markdown_shows_names_as_text(report):
    text = (report / "report.md").read_text(encoding="utf-8")
    assert not HIDDEN.search(text)
    assert not re.search(r"(?<!\\)[<`]|(?<!\\)\]\((?!#)", text)


COMMANDS = ["report -f json", "report --json -f json", "check", "plan", "report -f github -f json",
            "run"]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_terminal_obeys_nothing(hostile, command, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(hostile)
    monkeypatch.setenv("DPAUDIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    out = [] if command in {"check", "plan"} else ["--out", str(tmp_path / "out")]
    run([*command.split(), "audit.toml", *out])
    said = capfd.readouterr()
    for text in (said.out, said.err):
        assert not HIDDEN.search(text.replace("\x1b[0m", ""))
        commands = [line for line in text.splitlines() if line.lstrip().startswith("::")]
        assert "github" in command or not commands
        ours = re.compile(r"::(error|warning|notice) file=audit.toml,title=")
        assert all(map(ours.match, commands))
        assert not re.search(r"^(?!::).*##\[", text, re.MULTILINE)


def test_earlier_findings_are_shown_as_text(report, capfd):
    run(["show", str(report)])
    said = capfd.readouterr()
    assert said.out
    assert not HIDDEN.search(said.out + said.err)


def test_a_link_in_the_folder_is_replaced_and_not_followed(hostile, tmp_path, monkeypatch):
    monkeypatch.chdir(hostile)
    names = ["report.html", "report.md", "findings.json", "findings.sarif", "run.json",
             "measurements.csv", "measurements.parquet"]  # fmt: skip
    out = tmp_path / "out"
    out.mkdir()
    for name in names:
        (tmp_path / name).write_text("not yours")
        (out / name).symlink_to(tmp_path / name)
    formats = ["-f", "html", "-f", "json", "-f", "markdown", "-f", "sarif"]
    run(["report", "audit.toml", "--no-cache", "--out", str(out), *formats, "-q"])
    for name in names:
        assert (tmp_path / name).read_text() == "not yours"
        assert not (out / name).is_symlink()


@pytest.mark.parametrize(
    "name", ["../x", "/x", "..", "a/b", "a\\b", "x\0y", "n" * 300, "", "-x", "x\n"]
)
def test_scaffolds_stay_in_their_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    code = run(["new", "plugin", name, "--kind", "decision", "--out", str(tmp_path / "in")])
    assert code == 2
    assert list(tmp_path.rglob("*")) == [tmp_path / "in"]


def test_scaffolds_follow_no_link(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.toml").symlink_to(tmp_path / "elsewhere.toml")
    assert run(["init", "audit.toml"]) == 2
    assert not (tmp_path / "elsewhere.toml").exists()


def test_a_chart_of_a_plug_in_leads_nowhere():
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<a href="javascript:x()"><text>x</text></a><image href="http://e.org/x.png"/>'
        '<image xlink:href="file:///etc/passwd"/><use href="http://e.org/x.svg#a"/>'
        '<rect style="fill:url(http://e.org)" fill="url(//e.org)" onclick="x()"/>'
        '<animate attributeName="href" to="javascript:x()"/><set attributeName="onclick" to="x()"/>'
        '<style>@import "http://e.org"</style><text style="font-family:\\75rl(x)">t</text></svg>'
    )
    shown = clean(drawn)
    assert not re.search(r"e\.org|javascript|onclick|passwd|animate|<style|\\75", shown)
