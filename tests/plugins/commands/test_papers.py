"""The verdicts on results of papers are what they were found to be: a change is looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dpaudit.cli.main import run
from dpaudit_plugins.commands._claims import read_families, read_ledger

ROOT = Path(__file__).parents[3]
PAPERS = ROOT / "examples" / "papers"
PINNED = json.loads(Path(__file__).with_name("verdicts.json").read_text(encoding="utf-8"))
FAMILIES = read_families(PAPERS)
STATED = [(family.name, claim) for family in FAMILIES for claim in family.claims]


def test_every_claim_is_pinned():
    assert {name: sorted(told) for name, told in PINNED.items()} == {
        family.name: sorted(claim.id for claim in family.claims) for family in FAMILIES
    }


def test_families_are_numbered_in_order():
    assert [family.number for family in FAMILIES] == list(range(1, len(FAMILIES) + 1))


@pytest.mark.parametrize(("family", "claim"), STATED, ids=[f"{f}-{c.id}" for f, c in STATED])
def test_a_claim_names_its_source_and_its_reason(family, claim):
    sources = read_ledger(PAPERS).sources
    assert any(claim.source.startswith(key) for key in sources), claim.source
    assert claim.ours
    if PINNED[family][claim.id] != "reproduced":
        assert claim.because, "say why it is not as printed"


def _needs(family):
    text = "".join((family.folder / use.file).read_text() for use in family.audits.values())
    marks = [pytest.mark.slow, pytest.mark.shared_data]
    return [*marks, pytest.mark.learn] if "[training]" in text else marks


@pytest.mark.parametrize("family", [pytest.param(f, id=f.name, marks=_needs(f)) for f in FAMILIES])
def test_the_verdicts_are_those_that_are_pinned(family, tmp_path, monkeypatch, capsys, fetched):
    for use in family.audits.values():
        text = (family.folder / use.file).read_text(encoding="utf-8")
        for name in ("adult", "digits", "abalone"):
            if f'"builtin:{name}"' in text:
                fetched(name)
    monkeypatch.setenv("DPAUDIT_CACHE", str(tmp_path / "cache"))
    command = [
        "reproduce",
        "--fast",
        "-q",
        "-f",
        "html",
        "--results",
        str(PAPERS),
        "-o",
        str(tmp_path),
    ]
    assert run([*command, family.name]) == 0, capsys.readouterr().err
    found = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))[family.name]
    assert {key: each["verdict"] for key, each in found.items()} == PINNED[family.name], json.dumps(
        {key: each["failed"] for key, each in found.items()}, indent=1
    )
    assert (tmp_path / "papers.html").is_file()
