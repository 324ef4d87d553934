"""SVG from elsewhere: a matplotlib figure as SVG text, and any SVG made harmless.

A plug-in's drawing becomes part of the report, so only elements and attributes that draw are
kept: no script, no foreign content, no event handler, no link but to the drawing itself.
An image must stand in the drawing, as PNG.
"""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dpaudit.errors import PluginError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_ELEMENTS = frozenset(
    [
        "svg",
        "g",
        "defs",
        "title",
        "desc",
        "path",
        "rect",
        "circle",
        "ellipse",
        "line",
        "image",
        "polyline",
        "polygon",
        "text",
        "tspan",
        "use",
        "clipPath",
        "pattern",
        "linearGradient",
        "radialGradient",
        "stop",
        "symbol",
        "marker",
    ]
)
_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+=*")
_LOCAL = re.compile(r"url\(\s*['\"]?#([\w.-]+)['\"]?\s*\)")
_FOREIGN = re.compile(r"url\(|@import|expression|javascript:|data:|\\", re.IGNORECASE)


def clean(svg: str) -> str:
    """Return ``svg`` with nothing left that could run, load or lead elsewhere.

    Identifiers get a prefix of their own, so that two drawings never share one.

    Raises
    ------
    PluginError
        If the text is not a well-formed SVG document or declares entities.
    """
    body = re.sub(r"<\?xml.*?\?>|<!DOCTYPE[^\[>]*>", "", svg, flags=re.DOTALL).strip()
    if "<!" in re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL):
        raise PluginError("a chart's SVG declares entities or CDATA", hint="write plain SVG")
    try:
        root = ET.fromstring(body)  # noqa: S314 - declarations were refused above
    except ET.ParseError as error:
        raise PluginError(
            f"a chart is not well-formed SVG: {error}",
            hint="write names and text with &amp; and &lt; where they hold & or <",
        ) from error
    if root.tag != f"{_SVG}svg":
        raise PluginError(
            f"a chart is not SVG: its root is {root.tag!r}",
            hint='begin with <svg xmlns="http://www.w3.org/2000/svg" viewBox="...">',
        )
    prefix = "c" + hashlib.sha256(body.encode()).hexdigest()[:8] + "-"
    _strip(root, prefix)
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    return ET.tostring(root, encoding="unicode")


def _strip(element: ET.Element, prefix: str) -> None:
    for child in list(element):
        if str(child.tag).removeprefix(_SVG) in _ELEMENTS and str(child.tag).startswith(_SVG):
            _strip(child, prefix)
        else:
            element.remove(child)
    for name, value in list(element.attrib.items()):
        kept = _attribute(name, value, prefix)
        if kept is None:
            del element.attrib[name]
        else:
            element.set(name, kept)
    if (target := element.attrib.pop(_XLINK, None)) is not None:
        element.set("href", target)


def _attribute(name: str, value: str, prefix: str) -> str | None:
    """Return what an attribute may say, or ``None`` to drop it."""
    if name == "id":
        return prefix + value
    if name in {"href", _XLINK}:
        if _PNG.fullmatch(value):
            return value
        return f"#{prefix}{value[1:]}" if value.startswith("#") else None
    if name.startswith(("{", "on")):
        return None
    local = _LOCAL.sub(rf"\0{prefix}\1)", value)
    if _FOREIGN.search(local):
        return None
    return local.replace("\0", "url(#")


def figure_to_svg(figure: Figure, alt: str) -> str:
    """Return a matplotlib figure as SVG whose text stays text and whose bytes repeat.

    Parameters
    ----------
    figure
        Any matplotlib figure.
    alt
        What it shows, with its numbers.
    """
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "dpaudit"}):
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    drawn = re.sub(r"<metadata>.*?</metadata>", "", target.getvalue(), flags=re.DOTALL)
    return titled(drawn, alt)


def titled(svg: str, alt: str) -> str:
    """Return ``svg`` with ``alt`` as its title, first in the drawing, and the role of an image."""
    body = re.sub(r"<\?xml.*?\?>|<!DOCTYPE[^\[>]*>", "", svg, flags=re.DOTALL).strip()
    root = ET.fromstring(body)  # noqa: S314 - drawn by this process
    for old in root.findall(f"{_SVG}title"):
        root.remove(old)
    title = ET.Element(f"{_SVG}title")
    title.text = alt
    root.insert(0, title)
    root.set("role", "img")
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    return ET.tostring(root, encoding="unicode")
