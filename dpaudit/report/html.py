"""A report as one self-contained HTML page: fonts, style and one script inside, no network.

The script sorts and searches tables; the page's content security policy names it by its hash and
allows no other.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
import json
import os
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from dpaudit.errors import UnavailableError
from dpaudit.model.report import Block, Figure, Lookup, Report, Section
from dpaudit.model.text import visible
from dpaudit.report.confidence import sureness
from dpaudit.report.prose import Prose
from dpaudit.report.svg import clean

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_WEIGHTS = (400, 600, 700)
_AMOUNT = re.compile(r"[\u2212+]\$[\d.,]*\d")
_FAMILIES = {"latin": "Source Sans 3", "greek": "Source Sans Greek", "latin-ext": "Source Sans Ext"}
NEUTRAL = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def render_html(report: Report, *, is_interactive: bool = True) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    report
        What to say.
    is_interactive
        Whether tables can be sorted and searched; not so for a PDF.

    Returns
    -------
    str
        The page.

    Notes
    -----
    Every value is escaped, whatever the template is called; an unknown name in a template is
    an error; control characters and bidirectional overrides are taken out of every text.
    """
    from markupsafe import Markup

    prose = Prose(report.language)
    script = _script() if is_interactive else ""
    template = _environment().get_template("report.html.j2")
    return template.render(
        report=report,
        _=prose,
        style=Markup(stylesheet(report)),  # noqa: S704 - the package's own file
        is_interactive=is_interactive,
        script=Markup(script),  # noqa: S704 - the package's own file
        policy=policy(script),
        shown_of=prose("{shown} of {all} rows", shown="{shown}", all="{all}"),
        data_of=_data,
        moment=moment(report).strftime("%Y-%m-%dT%H:%M:%SZ"),
        byline=byline(report),
        kind_of=_kind,
        kind_of_section=_section_class,
        running=functools.partial(_running, prose),
        drawing=_drawing,
        sureness=functools.partial(sureness, prose),
    )


def policy(script: str) -> str:
    """Return the content security policy of a page: nothing from elsewhere, one script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def _script() -> str:
    return (_folder() / "report.js").read_text(encoding="utf-8")


def _data(block: Lookup) -> object:
    """Return the rows of a look-up as JSON in which nothing ends the element around it."""
    from markupsafe import Markup

    rows = [[visible(str(name)), *numbers] for name, *numbers in block.rows]
    made = {"label": visible(block.label), "most": block.most, "rows": rows}
    text = json.dumps(made, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for c in "<>&":
        text = text.replace(c, f"\\u{ord(c):04x}")
    return Markup(text)  # noqa: S704 - no character of it is markup


def moment(report: Report) -> dt.datetime:
    """Return the report's date, or a neutral one (which is never printed)."""
    if report.date is None:
        return NEUTRAL
    day = dt.date.fromisoformat(report.date[:10])
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)


def date_of(written: str | None) -> str | None:
    """Return the date to print: the audit file's, else that of ``SOURCE_DATE_EPOCH``."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if written is None and epoch.isdigit():
        return dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC).date().isoformat()
    return written


def byline(report: Report) -> str:
    """Return who reports, when and with what, as far as it is known."""
    date = None if report.date is None else Prose(report.language).day(report.date)
    parts = [report.organisation, date, report.banner]
    return " · ".join(part for part in parts if part)


def stylesheet(report: Report) -> str:
    """Return the style with its fonts inside, and the mark that a banner asks for."""
    folder = _folder()
    faces = "\n".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url(data:font/woff2;'
        f"base64,{_font(script, weight)}) format('woff2'); }}"
        for script, family in _FAMILIES.items()
        for weight in _WEIGHTS
    )
    running = _quoted(" · ".join(p for p in (report.organisation, report.generator) if p))
    style = (folder / "report.css").read_text(encoding="utf-8")
    style = f"{faces}\n{style.replace('string(maker)', running)}"
    if not report.banner:
        return style
    return style + _foot(report.banner) + (_mark(report.banner) if report.confidential else "")


def _foot(banner: str) -> str:
    """Return the style that puts a banner at the foot of every printed page."""
    box = f'content: {_quoted(banner)}; font: 700 9pt "Source Sans 3"; color: #a2420a; width: 70%;'
    return f"\n@page {{ @bottom-center {{ {box} }} @bottom-left {{ content: none }} }}\n"


def _mark(banner: str) -> str:
    """Return the style that puts a watermark on every printed page."""
    word = banner.split(":", maxsplit=1)[0].upper()
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="612" height="792">'
        '<text x="306" y="420" text-anchor="middle" font-family="sans-serif" font-size="84" '
        'font-weight="700" fill="#a2420a" fill-opacity="0.09" '
        f'transform="rotate(-52 306 396)">{_escaped(word)}</text></svg>'
    )
    data = base64.b64encode(drawn.encode()).decode()
    return (
        f"\n@page {{ background: url(data:image/svg+xml;base64,{data}) center / 100% 100% "
        "no-repeat }\n"
    )


def _escaped(text: str) -> str:
    from markupsafe import escape

    return str(escape(text))


def _quoted(text: str) -> str:
    """Return a CSS string: every character that could end it or the style element escaped."""
    return '"' + "".join(
        c if c.isalnum() or c in " .,:·-" else f"\\{ord(c):06x}" for c in visible(text)
    ) + '"'  # fmt: skip


def _folder() -> Traversable:
    try:
        return resources.files("dpaudit_templates") / "report"
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "the report templates (package dpaudit_templates) are not installed",
            hint="reinstall dpaudit: pip install --force-reinstall dpaudit",
        ) from error


@functools.cache
def _font(script: str, weight: int) -> str:
    name = f"source-sans-3-{script}-{weight}-normal.woff2"
    return base64.b64encode((_folder() / "fonts" / name).read_bytes()).decode()


def _environment() -> Any:
    import jinja2

    folder = _folder()

    def load(name: str) -> str | None:
        file = folder / name
        return file.read_text(encoding="utf-8") if file.is_file() else None

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(load),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters["unbroken"] = _unbroken
    return environment


def _unbroken(text: str) -> object:
    """Return a text, escaped, in which no line ends between a sign and its amount."""
    from markupsafe import Markup, escape

    kept = _AMOUNT.sub(r'<span class="nb">\g<0></span>', str(escape(visible(text))))
    return Markup(kept)  # noqa: S704 - escaped above


def _visible(value: object) -> object:
    """Take control characters and bidirectional overrides out of a text."""
    from markupsafe import Markup

    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(value)


def _kind(block: Block) -> str:
    return type(block).__name__


def _section_class(section: Section) -> str:
    return section.name.split("-")[0] + "-section"


def _running(_: Prose, section: Section) -> str:
    """Return the running head of a section: short, so that it stays on one line."""
    return _("Findings") if _section_class(section) == "finding-section" else section.title


def _drawing(figure: Figure) -> object:
    from markupsafe import Markup

    return Markup(clean(figure.svg))  # noqa: S704 - cleaned
