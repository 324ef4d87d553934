"""Imports a plug-in that lies in a file, not in a package."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dpaudit.errors import PluginError
from dpaudit.model.files import is_folder
from dpaudit.time_limit import Late

if TYPE_CHECKING:
    from types import CodeType, ModuleType

_DIGEST = "__dpaudit_digest__"


class _FileLoader(importlib.abc.InspectLoader):
    """Runs exactly the bytes that were hashed, and writes no byte code beside the file."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.content = content

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 (the interface's own)
        return importlib.util.decode_source(self.content)

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 (the interface's own)
        return compile(self.content, str(self.path), "exec", dont_inherit=True)

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002 (the interface's own)
        return False


def import_file(path: Path) -> ModuleType:
    """Import a Python file under a name made of its digest, once per content.

    Raises
    ------
    PluginError
        If there is no such file, or it raises anything at all when it is imported.
    """
    content = _read(path)
    digest = hashlib.sha256(content).hexdigest()
    name = f"dpaudit_file_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_loader(name, _FileLoader(path, content), origin=str(path))
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: not a Python file", hint="name a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    setattr(module, _DIGEST, digest)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt | Late):
            raise
        raise _failure(path, error) from error
    return module


def file_digest(module: ModuleType | None) -> str:
    """Return the SHA-256 of a module's source in hex, empty where it has no file."""
    if module is None:
        return ""
    stored = getattr(module, _DIGEST, None)
    if stored is not None:
        return str(stored)
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        return ""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def file_source(module: object) -> tuple[Path, bytes] | None:
    """Return the file that a module was imported from by :func:`import_file`, and its bytes."""
    loader = getattr(getattr(module, "__spec__", None), "loader", None)
    return (loader.path, loader.content) if isinstance(loader, _FileLoader) else None


def _read(path: Path) -> bytes:
    if is_folder(path):
        raise PluginError(f"{path}: a folder, not a plug-in file", hint="name a Python file")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        near = f" beside {path.name}" if is_folder(path.parent) else f": there is no {path.parent}"
        found = ", ".join(sorted(p.name for p in path.parent.glob("*.py"))[:5])
        raise PluginError(
            f"{path}: no such plug-in file",
            hint=f"Python files{near}: {found}" if found else "check the path",
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PluginError(
            f"{path}: the plug-in file cannot be read: {reason}",
            hint="name a Python file that you may read",
        ) from error


def _failure(path: Path, error: BaseException) -> PluginError:
    if isinstance(error, PluginError):
        return PluginError(f"{path}: {error.message}", hint=error.hint)
    line = _line(path, error)
    reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
    return PluginError(f"{path}{line}: the plug-in file does not load: {reason}")


def _line(path: Path, error: BaseException) -> str:
    """Return ``:line`` of the last place in the file that the error passed, if any."""
    if isinstance(error, SyntaxError) and error.filename == str(path) and error.lineno:
        return f":{error.lineno}"
    number = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            number = trace.tb_lineno
        trace = trace.tb_next
    return "" if number is None else f":{number}"
