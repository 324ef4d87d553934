"""Dots by size: circles where they are few, one image where they are thousands."""

from __future__ import annotations

import base64
import re
import struct
import zlib

import numpy as np
import page as checker
import pytest

from dpaudit.report.amounts import Amounts
from dpaudit.report.assemble import build_report
from dpaudit.report.prose import Prose
from dpaudit.report.scatter import MOST_MARKS, png, scatter
from dpaudit.report.svg import clean
from dpaudit.report.write import write_report


def drawn(n):
    rng = np.random.default_rng(7)
    across, along = np.exp(rng.normal(4, 2, n)) + 1, rng.normal(0, 100, n)
    return scatter(across, along, names=("across", "along"), amounts=Amounts(Prose(), "dollars"),
                   prose=Prose(), title="t", desc="d")  # fmt: skip


def decoded(data):
    """Return the pixels of a PNG as this module writes it."""
    wide, high = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT")
    size = struct.unpack(">I", data[start - 4 : start])[0]
    rows = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + size]), dtype=np.uint8)
    return rows.reshape(high, 1 + 4 * wide)[:, 1:].reshape(high, wide, 4)


def test_a_png_comes_back_as_it_was():
    pixels = np.random.default_rng(1).integers(0, 256, (13, 7, 4)).astype(np.uint8)
    data = png(pixels)
    np.testing.assert_array_equal(decoded(data), pixels)
    at = data.index(b"IHDR")
    assert struct.unpack(">I", data[at + 17 : at + 21])[0] == zlib.crc32(data[at : at + 17])


@pytest.mark.parametrize(("n", "circles"), [(MOST_MARKS, MOST_MARKS), (MOST_MARKS + 1, 0)])
def test_thousands_of_dots_are_one_image(n, circles):
    svg = drawn(n)
    assert svg.count("<circle") == circles
    assert svg.count("<image") == (circles == 0)
    assert clean(svg).count("<image") == svg.count("<image")


def test_both_colours_are_in_the_image_and_most_of_it_is_clear():
    image = re.search(r"base64,([^\"]+)", drawn(5000))[1]
    pixels = decoded(base64.b64decode(image))
    solid = pixels[pixels[..., 3] > 100].astype(int)
    assert np.any(solid[:, 2] > solid[:, 0])
    assert np.any(solid[:, 0] > solid[:, 2])
    assert np.mean(pixels[..., 3] == 0) > 0.4


@pytest.mark.parametrize(
    "link",
    ["file:///etc/passwd", "http://e.org/x.png", "data:text/html;base64,AAAA",
     "data:image/svg+xml;base64,AAAA", 'data:image/png;base64,AA" onload="x()'],
)  # fmt: skip
def test_no_image_but_a_png_in_the_drawing_is_kept(link):
    from html import escape

    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{escape(link)}"/></svg>'
    assert "href" not in clean(svg)


@pytest.mark.slow
def test_a_pdf_with_the_image_of_13000_dots_passes_both_profiles(make, tmp_path):
    make_results, make_dataset = make
    chains = {"clipped": ("non-negative",)}
    large = make_results(data=make_dataset(13_000), chains=chains, mechanisms=("laplace",))
    written = write_report(large, tmp_path)
    assert "<image" in written.files["html"].read_text(encoding="utf-8")
    for profile in ("ua1", "3a"):
        report = checker.validate_pdf(written.files["pdf"], profile=profile)
        assert report.is_compliant, [(f.rule_id, f.message) for f in report.failures]
    assert written.files["pdf"].stat().st_size < 2_000_000
    assert written.files["html"].stat().st_size < 3_000_000


def test_the_table_behind_the_dots_holds_every_entity(results):
    report = build_report(results)
    figures = [b for s in report.sections for b in s.blocks if getattr(b, "table", None)]
    table = next(f.table for f in figures if "by size of" in f.table.caption)
    assert sum(int(row[1]) for row in table.rows) == len(results.data)
    people = sum(int(row[2].replace(",", "")) for row in table.rows)
    assert people == results.data.total
