"""What no public mode covers is refused before any file is opened: learners and attacks."""

from __future__ import annotations

import attrs
import pytest

import dpaudit
from dpaudit.cli.main import run as command_line
from dpaudit.engine.disclosure import disclose
from dpaudit.errors import SpecError, UsageError
from dpaudit.model.public import PublicSpec

DECISIONS = """
[data]
file = "secret.csv"
status = "confidential"
entity = "district_id"
count = "children"
[public.proxy]
file = "earlier.csv"
[public.release]
file = "published.csv"
made_by = "noisy"
[public.dp]
epsilon = 0.5
[run]
draws = 64
[[release]]
name = "noisy"
mechanism = { use = "laplace", epsilon = 1.0 }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
[[decision]]
use = "counts"
"""
ATTACK = """
[[attack]]
use = "likelihood-ratio"
game = "known-rest"
"""
LEARNERS = """
[training]
file = "people.csv"
status = "confidential"
features = ["age"]
label = "yes"
group = "sex"
ranges = { age = [18, 60] }
[[learner]]
use = "logistic"
penalty = 0.1
"""
MODES = ("proxy", "release", "dp")


@pytest.fixture
def audit(tmp_path):
    """Write an audit file; the files that it names are not there."""

    def write(text):
        path = tmp_path / "audit.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def with_counts(audit, tmp_path):
    """An audit with an attack, and all of its files."""
    for name in ("secret", "earlier", "published"):
        rows = "".join(f"d{i},{5 + 3 * i}\n" for i in range(6))
        (tmp_path / f"{name}.csv").write_text("district_id,children\n" + rows)
    return audit(DECISIONS + ATTACK)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("what", ["attacks", "audits of learners"])
def test_the_command_refuses_and_writes_nothing(audit, tmp_path, capsys, mode, what):
    text = {"attacks": DECISIONS + ATTACK, "audits of learners": LEARNERS}[what]
    out = tmp_path / "out"
    assert command_line(["report", str(audit(text)), "--out", str(out), "--public", mode]) == 2
    said = capsys.readouterr().err
    assert f"do not cover {what}" in said
    assert "leave --public out" in said
    assert not list(out.iterdir())


def test_in_the_house_the_same_audit_is_read(audit, with_counts):
    assert dpaudit.load(with_counts).attacks
    assert not dpaudit.load(audit(DECISIONS), public="proxy").attacks  # the control


@pytest.mark.parametrize("mode", MODES)
def test_a_spec_that_is_put_together_by_hand_is_refused_too(with_counts, mode):
    spec = attrs.evolve(dpaudit.load(with_counts), public=PublicSpec(mode=mode, epsilon=0.5))
    with pytest.raises(UsageError, match="do not cover attacks"):
        dpaudit.run(spec)
    if mode == "dp":
        with pytest.raises(UsageError, match="do not cover attacks"):
            disclose(spec)


def test_attacks_on_confidential_counts_stay_in_the_house(with_counts, tmp_path):
    results = dpaudit.run(dpaudit.load(with_counts))
    assert results.attacks
    with pytest.raises(UsageError, match="public modes do not cover attacks"):
        dpaudit.write_report(results, tmp_path / "out", public=True)
    assert not (tmp_path / "out").exists()


def test_public_and_training_do_not_go_together(audit):
    with pytest.raises(SpecError, match=r"\[public\] and \[training\] do not go together"):
        dpaudit.load(audit("[public.dp]\nepsilon = 1.0\n" + LEARNERS))
