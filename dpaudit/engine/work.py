"""What another process needs to measure a part of an audit, and what it makes of it.

The spec and the plug-in files travel; data files must be there already. Whoever has prepared a
spec compares what it has with what the run has: other data, other versions or other plug-ins
would give other numbers, and are an error.
"""

from __future__ import annotations

import hashlib
import pickle
import platform
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
import scipy

from dpaudit.engine.digests import engine_digest
from dpaudit.engine.learning_plan import PreparedLearning
from dpaudit.engine.prepare import Prepared, prepare, prepare_learning
from dpaudit.errors import DataError, DpauditError, PluginError, UnavailableError, UsageError
from dpaudit.model.spec import Spec
from dpaudit.registry import Registry

Ready = Prepared | PreparedLearning
"""A spec with its jobs made, of decisions or of learners."""


@attrs.frozen(kw_only=True)
class Work:
    """A spec on its way to other processes.

    Parameters
    ----------
    payload
        The pickled spec and plug-in files.
    digest
        SHA-256 of the payload, in hex: each process prepares a spec once.
    """

    payload: bytes = attrs.field(repr=False)
    digest: str

    @classmethod
    def of(cls, prepared: Ready) -> Work:
        """Pack what ``prepared`` was made from.

        Raises
        ------
        UsageError
            If the spec names a plug-in that was added from memory: no other process has it.
        """
        _refuse_memory(prepared)
        luggage = _Luggage(
            spec=attrs.evolve(prepared.spec, path=prepared.spec.path.resolve(), plugins=()),
            files=tuple(
                (str(path.resolve()), content) for path, content in prepared.registry.files()
            ),
            data=prepared.data.digest,
            versions=_versions(),
            tasks=prepared.signatures,
        )
        payload = pickle.dumps(luggage)
        return cls(payload=payload, digest=hashlib.sha256(payload).hexdigest())

    def prepare(self) -> Ready:
        """Prepare the spec in this process, and make sure that it is the same audit.

        Raises
        ------
        DpauditError
            As :func:`dpaudit.engine.prepare.prepare`, naming this machine; and if data, versions
            or plug-ins differ from those of the run.
        """
        luggage: _Luggage = pickle.loads(self.payload)  # noqa: S301 - packed by the run itself
        with tempfile.TemporaryDirectory(prefix="dpaudit-") as folder:
            try:
                files = [_placed(Path(name), content, folder) for name, content in luggage.files]
                registry = Registry.discover(files=files)
                made = prepare if luggage.spec.training is None else prepare_learning
                prepared = made(luggage.spec, registry=registry)
            except DpauditError as error:
                raise _from_here(error, luggage.spec) from error
        luggage.compare(prepared)
        return prepared


@attrs.frozen(kw_only=True)
class _Luggage:
    """What is in a payload: the spec, plug-in files, and what the run has made of them."""

    spec: Spec
    files: tuple[tuple[str, bytes], ...]
    data: str
    versions: Mapping[str, str]
    tasks: Mapping[str, tuple[str, bool]]

    def compare(self, prepared: Ready) -> None:
        """Refuse to measure anything but the audit of the run."""
        for what, version in _versions().items():
            if version != self.versions[what]:
                raise UnavailableError(
                    f"{_here()} has {what} {version}, and the run has {self.versions[what]}: "
                    "the numbers would differ",
                    hint="install the same versions on every machine (constraints.txt has them)",
                )
        if prepared.data.digest != self.data:
            raise DataError(
                f"{_here()} has other data under the name {self.spec.data.file!r} than the run",
                hint="copy the data file of the run there, or use a folder that all machines share",
            )
        found = prepared.signatures
        for task in {**self.tasks, **found}:
            if found.get(task) != self.tasks.get(task):
                raise PluginError(
                    f"{_here()} makes another task of {task!r} than the run: a plug-in, or a file "
                    "that it reads, differs",
                    hint="install the same plug-in packages on every machine",
                )


def _placed(path: Path, content: bytes, folder: str) -> Path:
    """Return the plug-in file at its own place if it is the same there, else in ``folder``.

    A module is made from the bytes of its file: the file is not needed any more once it is loaded.
    """
    try:
        if path.read_bytes() == content:
            return path
    except OSError:
        pass
    copy = Path(folder) / hashlib.sha256(content).hexdigest()[:16] / path.name
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(content)
    return copy


def _from_here(error: DpauditError, spec: Spec) -> DpauditError:
    hint = error.hint
    if isinstance(error, DataError | UnavailableError):
        hint = (
            f"files must be reachable from every machine under the same name (beside "
            f"{str(spec.path.parent)!r}); data:NAME is looked up in its own $DPAUDIT_DATA"
        )
    return type(error)(f"{_here()}: {error.message}", hint=hint)


def _here() -> str:
    return f"the worker on {socket.gethostname()}"


def _versions() -> dict[str, str]:
    """Return what must be the same everywhere, for the numbers to be."""
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
        "dpaudit's source": engine_digest()[:12],
    }


def _refuse_memory(prepared: Ready) -> None:
    spec = prepared.spec
    named = {
        *(release.mechanism.use for release in spec.releases),
        *(use.use for release in spec.releases for use in release.postprocess),
        *(decided.decision.use for decided in spec.decisions),
        *(use.use for decided in spec.decisions for use in decided.output),
        *(audit.audit.use for audit in spec.audits),
        *(mitigation.plugin.use for mitigation in spec.mitigations),
        *(learner.plugin.use for learner in spec.learners),
        *(attack.plugin.use for attack in spec.attacks),
    }
    for kind, name in prepared.registry.in_memory():
        if name in named:
            raise UsageError(
                f"the {kind} {name!r} was added from memory: no other process can find it",
                hint="put it into a file that the audit names with plugins = [...], or use threads",
            )
