"""Reports that may leave the house: nothing of the confidential counts is in them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import re
from fractions import Fraction

import numpy as np
import pikepdf
import pyarrow.parquet as pq
import pytest
from pypdf import PdfReader
from scipy.stats import binom

import dpaudit
from dpaudit.cli.main import run as command_line
from dpaudit.engine.disclosure import disclose, guarded
from dpaudit.errors import DataError, DisclosureError, UsageError
from dpaudit.model.confidential import Confidential
from dpaudit.privacy.discrete_laplace import discrete_laplace
from dpaudit.report.html import render_html
from dpaudit.report.write import write_disclosed

PLANTED = (48_217, 39_119, 27_733)
N = 40
AUDIT = """
title = "A release of counts"
[data]
file = "secret.csv"
status = "confidential"
entity = "district_id"
count = "children"
groups = ["county", "size"]
classes.size = { column = "children", bounds = [50] }
[public.proxy]
file = "earlier.csv"
[public.release]
file = "published.csv"
made_by = "clipped"
bootstrap = 4
[public.dp]
epsilon = 0.5
[run]
draws = 128
[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = 0.1 }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
[[decision]]
use = "counts"
[[decision]]
use = "allotment"
appropriation = 1_000_000
[[audit]]
use = "bias"
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "cost-of-privacy"
[[audit]]
use = "expected-shortfall"
"""


def table(counts):
    rows = (f"{i:03d},County {i % 5},{c}" for i, c in enumerate(counts))
    return "district_id,county,children\n" + "\n".join(rows) + "\n"


def true_counts():
    rng = np.random.default_rng(3)
    counts = np.round(np.exp(rng.normal(3.0, 1.2, N))).astype(int)
    counts[:3] = PLANTED
    return counts


@pytest.fixture
def house(tmp_path):
    """The folder of an audit of confidential counts; call it with other counts to change them."""
    rng = np.random.default_rng(4)
    (tmp_path / "audit.toml").write_text(AUDIT)
    noisy = true_counts() + rng.laplace(0, 10, N)
    noisy[:3] = (48_230.5, 39_102.25, 27_741.0)  # far enough away not to print a planted count
    (tmp_path / "published.csv").write_text(table(noisy))
    (tmp_path / "earlier.csv").write_text(table(np.round(np.exp(rng.normal(3, 1, N))).astype(int)))

    def put(counts):
        (tmp_path / "secret.csv").write_text(table(counts))
        return tmp_path / "audit.toml"

    put(true_counts())
    return put


def report(audit, out, *options):
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        code = command_line(["report", str(audit), "--out", str(out), *options])
    return code, said.getvalue()


def artefacts(folder):
    """Return every file below a folder, and what is packed inside them, as bytes."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        found[file.name] = file.read_bytes()
        if file.suffix == ".pdf":
            text = " ".join(one.extract_text() for one in PdfReader(file).pages)
            found[f"{file.name}~"] = text.encode()
            with pikepdf.open(file) as document:
                for i, o in enumerate(document.objects):
                    if isinstance(o, pikepdf.Stream) and "/Subtype" not in o:
                        packed = int(o.get("/First", 0))  # before it: where each object begins
                        found[f"{file.name}#{i}"] = o.read_bytes()[packed:]
                for name, attached in document.attachments.items():
                    found[f"{file.name}:{name}"] = attached.get_file().read_bytes()
        if file.suffix == ".parquet":
            found[f"{file.name}~"] = repr(pq.read_table(file).to_pydict()).encode()
    return found


def planted_in(content):
    """Return the planted counts that stand in a text, however they are written."""
    forms = {f(c) for c in PLANTED for f in (str, "{:,}".format, "{:.1f}".format)}
    return {form for form in forms if form.encode() in content}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["proxy", "release"])
def test_neighbouring_counts_give_byte_identical_public_reports(house, tmp_path, mode, monkeypatch):
    monkeypatch.setenv("DPAUDIT_CACHE", str(tmp_path / "cache"))
    neighbour = true_counts()
    neighbour[5] += 1
    made = {}
    for name, counts in {"one": true_counts(), "other": neighbour}.items():
        code, _ = report(house(counts), tmp_path / name, "--public", mode, "--no-cache")
        assert code == 0
        made[name] = artefacts(tmp_path / name)
        made[name].pop("run.json")  # times and platform, no part of the report
    assert made["one"] == made["other"]
    html = made["one"]["report.html"].decode()
    assert ("Plug-in: estimated" if mode == "release" else "Made from public stand-in") in html


@pytest.mark.slow
def test_the_confidential_file_is_not_even_opened(house, tmp_path):
    audit = house(true_counts())
    (tmp_path / "secret.csv").unlink()
    for mode in ("proxy", "release"):
        assert report(audit, tmp_path / mode, "--public", mode, "--no-cache")[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["proxy", "release", "dp"])
def test_planted_counts_are_nowhere(house, tmp_path, mode, monkeypatch):
    monkeypatch.setenv("DPAUDIT_CACHE", str(tmp_path / "out" / "cache"))
    code, said = report(house(true_counts()), tmp_path / "out", "--public", mode)
    assert code == 0
    assert not planted_in(said.encode())
    for name, content in artefacts(tmp_path / "out").items():
        assert not planted_in(content), name


@pytest.mark.slow
def test_planted_counts_are_found_in_the_house(house, tmp_path, monkeypatch):
    """The negative control of the search above."""
    monkeypatch.setenv("DPAUDIT_CACHE", str(tmp_path / "cache"))
    assert report(house(true_counts()), tmp_path / "out")[0] == 0
    found = artefacts(tmp_path / "out")
    assert planted_in(found["report.html"])
    assert planted_in(found["report.pdf~"])


@pytest.mark.slow
def test_every_confidential_file_is_marked(house, tmp_path, monkeypatch):
    monkeypatch.setenv("DPAUDIT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "out"
    report(house(true_counts()), folder)
    for name in ("findings.json", "run.json"):
        assert "not for release" in json.loads((folder / name).read_text())["notice"]
    with (folder / "measurements.csv").open(newline="") as file:
        notices = {row["notice"] for row in csv.DictReader(file)}
    assert len(notices) == 1
    assert "not for release" in min(notices)
    stored = pq.read_table(folder / "measurements.parquet")
    assert b"not for release" in stored.schema.metadata[b"dpaudit.notice"]
    assert set(stored["notice"].to_pylist()) == notices
    assert "not for release" in (folder / "report.html").read_text()
    code, said = report(house(true_counts()), folder, "--public", "proxy", "--no-cache")
    assert code == 2
    assert "holds a confidential report" in said


def test_results_of_confidential_counts_make_no_public_report(house, tmp_path):
    results = dpaudit.run(dpaudit.load(house(true_counts())))
    with pytest.raises(UsageError, match="hold confidential counts"):
        dpaudit.write_report(results, tmp_path / "out", public=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", ["proxy", "release", "dp"])
def test_a_mode_that_is_not_declared_says_what_to_add(house, tmp_path, mode):
    audit = house(true_counts())
    audit.write_text(re.sub(r"\[public.proxy\].*?(?=\[run\])", "", AUDIT, flags=re.DOTALL))
    code, said = report(audit, tmp_path / "out", "--public", mode)
    assert code == 2
    assert f"add [public.{mode}]" in said


def test_a_fault_in_the_counts_is_told_without_them(house, tmp_path):
    counts = [str(c) for c in true_counts()]
    counts[7] = "48217x"
    code, said = report(house(counts), tmp_path / "out", "--public", "dp")
    assert code == 2
    assert "(DataError)" in said
    assert not planted_in(said.encode())


def test_what_a_computation_raises_is_not_told():
    def fail():
        raise DataError("the count 48217 is odd")

    with pytest.raises(DisclosureError) as caught:
        guarded(fail)
    assert "48217" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_renderer_refuses_a_confidential_value(results):
    import attrs

    from dpaudit.report.assemble import build_report

    report = attrs.evolve(build_report(results), summary=Confidential("48217 children"))
    with pytest.raises(DisclosureError):
        render_html(report)


# The report through noise. Its own numbers are audited as a release is.


def seeded(seed):
    rng = np.random.default_rng(seed)
    return lambda scale: discrete_laplace(scale, lambda n: int(rng.integers(n)))


def told(audit, seed):
    return disclose(dpaudit.load(audit, public="dp"), draw=seeded(seed))


def test_the_sensitivity_is_never_exceeded(house):
    """B(x) - B(x + 1) over many counts, for the noise of the audit."""
    spec = dpaudit.load(house(true_counts()), public="dp")
    declared = max(disclose(spec).sensitivity.values())
    x, b = np.arange(0.0, 500.0), 10.0
    bias = b / 2 * np.exp(-x / b)
    assert np.max(-np.diff(bias)) <= declared * (1 + 1e-12)
    assert declared == pytest.approx(b / 2 * (1 - math.exp(-1 / b)), rel=1e-12)
    assert declared < 0.5


def guesses(make, threshold, runs):
    """Return how often a test of the gap says "the count is 0", with 0 and with 1 there."""
    return [sum(make(count, i) > threshold for i in range(runs)) for count in (0, 1)]


def lower_bound(hits, runs, error):
    """Return a lower bound on ε from a test's hits (Clopper and Pearson), with this error."""
    from scipy.stats import beta

    low = beta.ppf(error / 2, hits[0], runs - hits[0] + 1) if hits[0] else 0.0
    high = beta.ppf(1 - error / 2, hits[1] + 1, runs - hits[1])
    return math.log(low / high) if low > 0 else -math.inf


def test_the_report_spends_no_more_than_it_says():
    """A distinguisher of neighbouring counts, on the numbers as released; error 1e-6.

    The control releases the same numbers with a twelfth of the noise, and must be caught.
    """
    sensitivity, budget = 0.476, 0.5
    gaps = {0: 5.0, 1: 5.0 * math.exp(-0.1)}
    step = sensitivity / 1024

    def released(factor):
        draw = seeded(2)
        scale = Fraction(1026) / Fraction(budget) / factor
        return lambda count, _i: (round(gaps[count] / step) + draw(scale)) * step

    runs, between = 4_000, (gaps[0] + gaps[1]) / 2
    honest = lower_bound(guesses(released(1), between, runs), runs, 1e-6)
    weak = lower_bound(guesses(released(12), between, runs), runs, 1e-6)
    assert honest <= budget < weak


def inverted(bias, scale=10.0):
    """Return the count that a printed bias of clipped Laplace noise gives back."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.round(-scale * np.log(2 * np.asarray(bias) / scale))


def test_our_own_inversion_recovers_nothing_beyond_chance(house, tmp_path):
    """Groups of one district each: the worst case for a list of sums.

    The control is the list that stays in the house, with two decimals, as it is printed.
    Chance: with ε = 0.5 spread over two numbers, whoever knows that a count is one of two
    neighbours is right at most e^0.25 / (1 + e^0.25) = 56 times in 100, and so with a count out
    of 62 values at most e^(0.25 * 61) times likelier than its share; the inversion knows less. A
    list of uniform guesses among the 62 values that it could have returned hits 1 in 62.
    """
    audit = house(true_counts())
    rows = "".join(f"{i:03d},{i:03d},{c}\n" for i, c in enumerate(true_counts()))
    (tmp_path / "secret.csv").write_text("district_id,county,children\n" + rows)
    small = true_counts() <= 61
    truth = true_counts()[small]
    exact = 5 * np.exp(-truth / 10)
    assert np.mean(inverted(np.round(exact, 2)) == truth) > 0.8
    hits = total = 0
    for seed in range(20):
        spec = dpaudit.load(audit, public="dp")
        disclosed = disclose(spec, draw=seeded(seed))
        folder = tmp_path / f"out{seed}"
        registry = dpaudit.Registry.discover()
        write_disclosed(spec, disclosed, folder, ("json",), registry=registry)
        table = pq.read_table(folder / "measurements.parquet").to_pylist()
        sums = [row["value"] for row in table if row["group"].startswith("county")]
        hits += int(np.sum(inverted(np.array(sums)[small]) == truth))
        total += len(truth)
    assert hits <= binom.ppf(1 - 1e-6, total, 1 / 62 * math.exp(0.25)), (hits, total)


def test_the_report_through_noise_says_what_it_spends(house, tmp_path):
    spec = dpaudit.load(house(true_counts()), public="dp")
    disclosed = disclose(spec, draw=seeded(5))
    assert {m.quantity for m in disclosed.measurements} == {"alpha-fairness", "bias"}
    assert {m.over for m in disclosed.measurements} == {"entity", "county"}
    assert "size" in disclosed.left_out  # classes of the counts are the counts
    made = write_disclosed(spec, disclosed, tmp_path / "out", registry=dpaudit.Registry.discover())
    html = made.files["html"].read_text(encoding="utf-8")
    assert "What this report spends" in html
    assert ">0.6<" in html  # 0.1 of the release and 0.5 of the report
    origin = json.loads(made.files["json"].read_text())
    assert origin["epsilon"] == 0.5
    assert "data_digest" not in origin


def test_its_intervals_hold_the_truth(house):
    """Coverage over 200 reports of four kinds of number; false alarm 1e-6."""
    audit = house(true_counts())
    counts = true_counts()
    bias = 5 * np.exp(-counts / 10)
    county = np.array([bias[i::5].sum() for i in range(5)])
    missed = 0
    spec = dpaudit.load(audit, public="dp")
    for seed in range(60):
        for m in disclose(spec, draw=seeded(seed)).measurements:
            truth = county if m.labels else np.ptp(bias)
            if m.labels:
                truth = truth[[int(label.split()[1]) for label in m.labels]]
            outside = (m.estimate.low > truth + 1e-6) | (m.estimate.high < truth - 1e-6)
            missed += bool(np.any(outside))
    assert missed <= binom.ppf(1 - 1e-6, 120, 0.05)


def test_the_same_numbers_are_not_drawn_twice(house):
    spec = dpaudit.load(house(true_counts()), public="dp")
    one, other = (disclose(spec).measurements[0].estimate.value for _ in range(2))
    assert one != other  # the grid has thousands of cells within the noise


def test_a_plug_in_estimate_says_how_noisy_its_release_was(house):
    audit = house(true_counts())
    made = dpaudit.run(dpaudit.load(audit, public="release"))
    county = made.select(quantity="bias", over="county", per="total")[0].estimate
    assert county.method == "simulated"
    assert np.all(county.low < county.value)
    assert np.all(county.value < county.high)
    assert np.all(made.data.counts >= 0)
    assert np.all(made.data.counts == np.round(made.data.counts))
