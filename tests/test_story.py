"""The hour of an analyst, in a virtual environment of its own: every step as the tool says it.

dpaudit and the plug-ins are installed from wheels; other libraries are borrowed from the
environment of the tests, so that nothing heavy is fetched.
"""

import json
import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "third_party"
pytestmark = pytest.mark.slow
CSV = "district,children\n" + "".join(f"d{i:02},{7 * i % 90 + (i % 3) * 400}\n" for i in range(30))


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A function that runs a command line in the clean environment."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home / "env", with_pip=True)
    python = home / "env" / "bin" / "python"
    (site,) = (home / "env").glob("lib/python*/site-packages")
    borrowed = [p for p in sys.path if "site-packages" in p]
    (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n")
    keep = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    environment = keep | {"PATH": path}

    def execute(line, folder=home, code=0):
        words = shlex.split(line)
        if words[0] in {"python", "dpaudit"}:
            words[0] = str(python.parent / words[0])
        done = subprocess.run(
            words, check=False, cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == code, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    for project, name in ((ROOT, "dpaudit-"), (EXAMPLE, "dpaudit_workforce-")):
        execute(f"python -m pip wheel --quiet --no-deps --wheel-dir wheels {project}")
        (wheel,) = (home / "wheels").glob(f"{name}*.whl")
        execute(f"python -m pip install --quiet --no-deps --no-index {wheel}")
    where = execute("python -P -c 'import dpaudit; print(dpaudit.__file__)'")
    assert Path(where.strip()).is_relative_to(site), "the tests would not look at the wheel"
    return execute, home


def steps(printed):
    """The commands that a scaffold prints."""
    return [line.strip() for line in printed.splitlines() if line.startswith("  ")]


def test_from_an_installation_to_a_comparison(clean):
    execute, home = clean
    folder = home / "work"
    folder.mkdir()
    (folder / "districts.csv").write_text(CSV)
    printed = execute("dpaudit new plugin per-child", folder)
    commands = steps(printed)
    assert len(commands) == 3
    for command in commands:
        execute(command, folder)
    assert "per-child" in execute("dpaudit plugins list --kind decision", folder)
    printed = execute("dpaudit new audit --data districts.csv --decision per-child", folder)
    check, report = steps(printed)
    assert "no fault found" in execute(check, folder)
    execute(f"{report} -q --no-cache", folder)
    made = folder / "dpaudit-report"
    assert {"report.html", "findings.json", "run.json"} <= {p.name for p in made.iterdir()}
    if (made / "report.pdf").exists():  # where Pango is installed
        execute("dpaudit verify dpaudit-report/report.pdf --rerun -q", folder)
    execute("dpaudit verify dpaudit-report --rerun -q", folder)
    execute(f"{report} -q --no-cache -o second -f json", folder)
    told = json.loads(execute("dpaudit compare dpaudit-report second --json", folder))
    assert not told["changed"]
    assert sum(each["compared"] for each in told["changes"]) > 100
    # The control: another rule is found by both.
    rule = folder / "per-child" / "per_child.py"
    rule.write_text(
        rule.read_text().replace("counts / counts.sum()", "counts**2 / (counts**2).sum()")
    )
    execute(f"{report} -q --no-cache -o third -f json", folder)
    told = json.loads(execute("dpaudit compare dpaudit-report third --json --fail", folder, 1))
    assert told["changed"]
    execute("dpaudit verify dpaudit-report --rerun -q", folder, 1)


def test_a_package_of_somebody_else_is_used_by_an_audit(clean):
    execute, home = clean
    found = json.loads(execute("dpaudit plugins show workforce-allotment --json"))
    assert (found["distribution"], found["version"]) == ("dpaudit-workforce", "0.3.0")
    assert "conforms" in execute("dpaudit plugins check workforce-allotment")
    execute(f"python -m pytest -q -p no:cacheprovider {EXAMPLE}")
    execute(
        f"dpaudit report {EXAMPLE / 'counties.toml'} -q --no-cache --draws 128 "
        "-o counties -f json -f html"
    )
    findings = json.loads((home / "counties" / "findings.json").read_text())
    assert findings["findings"]
    assert "dpaudit-workforce 0.3.0" in (home / "counties" / "report.html").read_text()
