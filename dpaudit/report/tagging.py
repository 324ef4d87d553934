"""What WeasyPrint's tags lack: header scopes, artifacts, page labels, readable metadata."""

from __future__ import annotations

import base64
from typing import Any


def finish(_document: Any, pdf: Any) -> None:
    """Complete a PDF before it is written (a WeasyPrint finisher)."""
    import pydyf  # type: ignore[import-untyped]  # comes with WeasyPrint

    elements = {_reference(o): o for o in pdf.objects if isinstance(o, pydyf.Dictionary)}
    _scope_headers(elements)
    _set_running_text_apart(pdf, elements)
    for o in pdf.objects:
        if isinstance(o, pydyf.Stream) and o.extra.get("Type") == "/Metadata":
            o.compress = False  # PDF/A: metadata must be readable without a decoder
        if isinstance(o, pydyf.Stream) and o.extra.get("Subtype") == "/Image":
            o.extra["Interpolate"] = "false"  # PDF/A: an image is shown as it is
    _end_streams_plainly(pdf)
    label = pydyf.Dictionary({"S": "/D"})
    pdf.catalog["PageLabels"] = pydyf.Dictionary({"Nums": pydyf.Array([0, label])})


def _end_streams_plainly(pdf: Any) -> None:
    """Encode anew each compressed stream that ends in a carriage return.

    Before the line feed that closes a stream it would read as one line end of two characters,
    and the stream as one byte shorter than its /Length. The last bytes of a deflated stream are
    a checksum, so that one in 256 does, whatever the level of compression.
    """
    import pydyf

    start, end = b"\nstream\n", b"\nendstream"
    for o in pdf.objects:
        if isinstance(o, pydyf.Stream) and o.compress and (data := o.data).endswith(b"\r" + end):
            packed = data[data.index(start) + len(start) : -len(end)]
            o.compress = False
            o.extra["Filter"] = pydyf.Array(["/ASCII85Decode", "/FlateDecode"])
            o.stream = [base64.a85encode(packed) + b"~>"]


def _reference(obj: Any) -> bytes:
    return f"{obj.number} {obj.generation} R".encode()


def _scope_headers(elements: dict[bytes, Any]) -> None:
    """Say of every header cell whether it heads its column or its row."""
    for element in elements.values():
        if element.get("S") != "/TH":
            continue
        above = element
        while above.get("S") not in {"/THead", "/TBody", "/TFoot", "/Table"}:
            above = elements[above["P"]]
        element["A"]["Scope"] = "/Column" if above["S"] == "/THead" else "/Row"


def _set_running_text_apart(pdf: Any, elements: dict[bytes, Any]) -> None:
    """Make artifacts of marked content outside the reading order: running heads, page numbers."""
    import pydyf  # comes with WeasyPrint

    tree = elements[pdf.catalog["StructTreeRoot"]]
    read = _reached(tree, elements)
    owners_of = elements[tree["ParentTree"]]["Nums"]
    streams = {_reference(o): o for o in pdf.objects if isinstance(o, pydyf.Stream)}
    pages = [e for e in elements.values() if e.get("Type") == "/Page"]
    for page in pages:
        owners = owners_of[2 * page["StructParents"] + 1]
        outside = {mcid for mcid, owner in enumerate(owners) if owner not in read}
        content = streams[page["Contents"]].stream
        for i, operator in enumerate(content):
            if operator == b"BDC" and content[i - 1].get("MCID") in outside:
                kind = pydyf.Dictionary({"Type": "/Pagination"})
                content[i - 2 : i + 1] = ["/Artifact", kind, b"BDC"]
        for mcid in outside:
            owners[mcid] = "null"


def _reached(tree: Any, elements: dict[bytes, Any]) -> set[bytes]:
    """Return the references of all structure elements below the root."""
    reached: set[bytes] = set()
    waiting = list(tree["K"])
    while waiting:
        reference = waiting.pop()
        if isinstance(reference, bytes) and reference in elements and reference not in reached:
            reached.add(reference)
            waiting += elements[reference].get("K", ())
    return reached
