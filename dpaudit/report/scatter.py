"""Many places at once: a dot for each, or an image of the dots where there are thousands."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.report.amounts import Amounts
from dpaudit.report.drawing import BLUE, LEFT, ORANGE, WIDTH, Scale, frame, svg, ticks
from dpaudit.report.prose import Prose

MOST_MARKS = 2_000
"""Dots beyond which the drawing would be slow to open: they become one image."""

_TOP, _BOTTOM, _SHARP, _RADIUS = 34.0, 284.0, 2, 2.4
_LIGHT = 0.55
"""How much of what lies below a dot shows through it."""


def scatter(
    across: FloatArray,
    along: FloatArray,
    *,
    names: tuple[str, str],
    amounts: Amounts,
    prose: Prose,
    title: str,
    desc: str,
) -> str:
    """Return dots over a logarithmic axis, losses in orange and gains in blue.

    Parameters
    ----------
    across
        Positive, shape (n,).
    along
        Signed, shape (n,).
    names
        What lies across and along, in words.
    amounts, prose
        How labels are written.
    title, desc
        For screen readers.
    """
    first, last = (float(np.log10(end)) for end in (across.min(), across.max()))
    low = np.floor(first + 1e-9)
    decades = np.arange(low, max(low + 1, np.ceil(last - 1e-9)) + 1)
    marks = ticks(min(0.0, float(along.min())), max(0.0, float(along.max())))
    x = Scale(10.0 ** decades[0], 10.0 ** decades[-1], LEFT + 10, WIDTH - 34, log=True)
    y = Scale(marks[0], marks[-1], _BOTTOM, _TOP)
    out = frame(
        x,
        y,
        across=[(10.0**d, prose.whole(10.0**d)) for d in decades],
        up=[(mark, amounts.tick(mark)) for mark in marks],
        names=names,
    )
    spots = np.array([[x(a), y(b)] for a, b in zip(across.tolist(), along.tolist(), strict=True)])
    out += _image(spots, along < 0) if len(spots) > MOST_MARKS else _dots(spots, along < 0)
    return svg(WIDTH, _BOTTOM + 48, title, desc, out)


def _dots(spots: FloatArray, loses: np.ndarray) -> list[str]:
    return [
        f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{_RADIUS:g}" fill="{ORANGE if down else BLUE}" '
        'fill-opacity="0.45"/>'
        for (cx, cy), down in zip(spots.tolist(), loses.tolist(), strict=True)
    ]


def _image(spots: FloatArray, loses: np.ndarray) -> list[str]:
    """Return all dots as one image whose white lets the grid through."""
    left, top = LEFT, _TOP - 6
    wide, high = int((WIDTH - left) * _SHARP), int((_BOTTOM + 6 - top) * _SHARP)
    at = np.rint((spots - (left, top)) * _SHARP).astype(np.int64)
    reach = int(np.ceil(_RADIUS * _SHARP))
    steps = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)
             if i * i + j * j <= (_RADIUS * _SHARP) ** 2]  # fmt: skip
    seen = np.zeros((2, high, wide))
    for i, j in steps:
        column, row = np.clip(at[:, 0] + i, 0, wide - 1), np.clip(at[:, 1] + j, 0, high - 1)
        np.add.at(seen, (loses.astype(np.int64), row, column), 1.0)
    total = seen.sum(axis=0)
    share = np.divide(seen[1], total, out=np.zeros_like(total), where=total > 0)
    gain, loss = (np.array([int(c[k : k + 2], 16) for k in (1, 3, 5)]) for c in (BLUE, ORANGE))
    colour = gain + (loss - gain) * share[..., np.newaxis]
    cover = 1.0 - _LIGHT**total
    pixels = np.dstack([colour, 255.0 * cover]).round().astype(np.uint8)
    data = base64.b64encode(png(pixels)).decode()
    size = f'width="{wide / _SHARP:g}" height="{high / _SHARP:g}"'
    return [f'<image x="{left:g}" y="{top:g}" {size} href="data:image/png;base64,{data}"/>']


def png(pixels: np.ndarray) -> bytes:
    """Return an image of red, green, blue and opacity, shape (h, w, 4), as PNG."""
    high, wide, _ = pixels.shape
    rows = np.zeros((high, 1 + 4 * wide), dtype=np.uint8)  # a zero before each row: no filter
    rows[:, 1:] = pixels.reshape(high, 4 * wide)

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", wide, high, 8, 6, 0, 0, 0)
    packed = zlib.compress(rows.tobytes(), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )
