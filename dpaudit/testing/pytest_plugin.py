"""A pytest plug-in for authors: one parametrised test checks every plug-in that is named.

    import pytest

    @pytest.mark.conforms("per-head", "my_rules.py")
    def test_it_conforms(conforming):
        conforming()

Each name becomes a test of its own; a keyword sets a parameter (``epsilon=0.5``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

_FIXTURE = "conforming"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    line = "conforms(*names, **parameters): check these dpaudit plug-ins, one test for each"
    config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of every name in the marker."""
    marker = metafunc.definition.get_closest_marker("conforms")
    if marker is not None and _FIXTURE in metafunc.fixturenames:
        cases = [(name, dict(marker.kwargs)) for name in marker.args]
        metafunc.parametrize(_FIXTURE, cases, indirect=True, ids=list(marker.args))


@pytest.fixture
def conforming(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Return the check of one plug-in: it fails with every fault and its next step."""
    name, values = request.param

    def check() -> None:
        from dpaudit.registry import Registry
        from dpaudit.testing.conformance import conforms

        for found in conforms(name, Registry.discover(), values):
            if found.faults:
                pytest.fail(_told(found), pytrace=False)

    return check


def _told(found: Any) -> str:
    lines = [f"{found.kind} {found.name!r} does not conform:"]
    lines += [f"- {fault.what}\n  help: {fault.hint}" for fault in found.faults]
    return "\n".join(lines)
