"""A report as PDF/A-3a and PDF/UA-1 at once, the same bytes every time.

WeasyPrint writes one variant at a time: the PDF/A-3a that it writes is completed here, through
the finisher that it documents, with what PDF/UA-1 asks for: its identification in the metadata
and (in :mod:`dpaudit.report.tagging`) header scopes, artifacts and page labels.
"""

from __future__ import annotations

import datetime as dt
import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from dpaudit.errors import UnavailableError
from dpaudit.report.tagging import finish

if TYPE_CHECKING:
    from types import ModuleType

INSTALL = (
    "install Pango. Debian and Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0 "
    "libharfbuzz-subset0; Fedora: dnf install pango; macOS: brew install pango"
)
_UA_SCHEMA = b"""<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that the file conforms to</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
</rdf:RDF>"""


@attrs.frozen(kw_only=True)
class Attached:
    """A file inside the PDF.

    ``relationship`` is ``Source`` or ``Data`` (PDF/A-3, associated files).
    """

    content: bytes
    relationship: str
    description: str


def render_pdf(html: str, *, when: dt.datetime, files: Mapping[str, Attached]) -> bytes:
    """Return a page of :func:`dpaudit.report.html.render_html` as PDF.

    Parameters
    ----------
    html
        A self-contained page: anything but ``data:`` addresses is refused.
    when
        The date of the document and its attachments.
    files
        What to attach, by file name.

    Raises
    ------
    UnavailableError
        If WeasyPrint or Pango is missing; the hint says how to install it.
    """
    weasyprint = _weasyprint()
    fetcher = weasyprint.urls.URLFetcher(allowed_protocols=("data",))
    document = _laid_out(weasyprint, html, fetcher)
    _identify(document.metadata)
    attachments = _attachments(weasyprint, when, files, fetcher)
    with warnings.catch_warnings():
        # WeasyPrint leaves its own colour profile open until it is collected.
        warnings.simplefilter("ignore", ResourceWarning)
        written: bytes = document.write_pdf(
            pdf_variant="pdf/a-3a",
            pdf_identifier=b"dpaudit",
            attachments=attachments,
            finisher=finish,
        )
    return written


def _laid_out(weasyprint: Any, html: str, fetcher: Any) -> Any:
    """Lay the pages out, tighter where the first page, laid out alone, runs over."""

    def render(text: str) -> Any:
        page = weasyprint.HTML(string=text, url_fetcher=fetcher, base_url=None)
        return page.render(pdf_variant="pdf/a-3a")

    first, contents, _rest = html.partition('<section id="contents">')
    has_first = bool(contents) and 'id="highlights"' in first
    if has_first and len(render(f"{first}</main></body></html>").pages) > 1:
        html = html.replace("<html ", '<html class="compact" ', 1)
    return render(html)


def _weasyprint() -> ModuleType:
    """Import WeasyPrint, whose import fails with OSError where Pango is missing."""
    try:
        import weasyprint
        import weasyprint.urls
    except (ImportError, OSError) as error:
        raise UnavailableError(f"the PDF needs WeasyPrint and Pango: {error}".splitlines()[0],
                               hint=INSTALL) from error  # fmt: skip
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    return weasyprint


def _attachments(
    weasyprint: Any, when: dt.datetime, files: Mapping[str, Attached], fetcher: Any
) -> Sequence[Any]:
    return [
        weasyprint.Attachment(
            file_obj=io.BytesIO(file.content),
            name=name,
            description=file.description,
            relationship=file.relationship,
            created=when,
            modified=when,
            url_fetcher=fetcher,
        )
        for name, file in sorted(files.items())
    ]


def _identify(metadata: Any) -> None:
    """Add the PDF/UA identification, with the schema that PDF/A asks of it, to the metadata."""
    plain = metadata.generate_rdf_metadata

    def generate(*arguments: Any) -> bytes:
        rdf: bytes = plain(*arguments)
        return rdf.replace(b"</rdf:RDF>", _UA_SCHEMA)

    metadata.generate_rdf_metadata = generate
