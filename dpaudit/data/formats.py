"""Opens CSV, Parquet and Excel files as text cells."""

from __future__ import annotations

import csv
import datetime as dt
import io
import warnings
from typing import TYPE_CHECKING, Any

from dpaudit.data.frame import Frame, check_columns, check_header, is_missing
from dpaudit.errors import DataError, UnavailableError
from dpaudit.values import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dpaudit.model.spec import DataSpec, JoinSpec, ParentsSpec

    FileSpec = DataSpec | JoinSpec | ParentsSpec

TEXT = frozenset({".csv", ".txt"})


def open_frame(spec: FileSpec, path: Path, only: Sequence[str] | None = None) -> Frame:
    """Return the cells of a data file, or of some of its columns.

    Raises
    ------
    DataError
        If the format is unknown, the file is damaged, empty or ragged, or one of ``only`` is
        not in it.
    UnavailableError
        If an Excel file is named and python-calamine is not installed.
    """
    suffix = path.suffix.lower()
    if suffix in TEXT:
        return _read_csv(spec, path, only)
    if suffix in {".parquet", ".pq"}:
        return _read_parquet(spec, path, only)
    if suffix == ".xlsx":
        return _picked(_read_excel(spec, path), only)
    raise DataError(
        f"{spec.file}: files that end in {suffix or 'nothing'!r} cannot be read",
        hint="save the data as .csv, .parquet or .xlsx",
    )


def open_header(spec: FileSpec, path: Path) -> tuple[str, ...]:
    """Return the column names of a data file, reading no more of it than necessary.

    Raises
    ------
    DataError
        As :func:`open_frame`.
    UnavailableError
        As :func:`open_frame`.
    """
    if path.suffix.lower() in TEXT:
        names: tuple[str, ...] = tuple(next(_records(spec.file, _text(spec, path)), (0, []))[1])
        check_header(names, spec.file)
        return names
    if path.suffix.lower() in {".parquet", ".pq"}:
        names = tuple(_parquet(spec, path).schema_arrow.names)
        check_header(names, spec.file)
        return names
    return tuple(open_frame(spec, path).columns)


def _read_csv(spec: FileSpec, path: Path, only: Sequence[str] | None) -> Frame:
    records = _records(spec.file, _text(spec, path))
    names = next(records, (0, []))[1]
    check_header(names, spec.file)
    check_columns(only or (), names, spec.file)
    kept = names if only is None else list(dict.fromkeys(only))
    places = [names.index(name) for name in kept]
    lines: list[int] = []
    columns: list[list[str]] = [[] for _ in kept]
    # A cell that stands in many rows is kept once: a million records fit into memory.
    same: dict[str, str] = {}
    adders = [(column.append, place) for column, place in zip(columns, places, strict=True)]
    for line, record in records:
        if len(record) != len(names):
            raise DataError(
                f"{spec.file}, line {line}: {len(record)} fields where the header has {len(names)}",
                hint="put quotes around cells that contain a comma or a line break",
            )
        lines.append(line)
        for add, place in adders:
            cell = record[place]
            add(same.setdefault(cell, cell))
    return Frame(
        source=spec.file, columns=dict(zip(kept, columns, strict=True)), rows=lines, noun="line"
    )


def _text(spec: FileSpec, path: Path) -> str:
    text = _decode(spec, path.read_bytes())
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(
            f"{spec.file}, line {line}: a NUL character",
            hint=f'if the file is UTF-16, add encoding = "utf-16" to {spec.place}',
        )
    return text


def _picked(frame: Frame, only: Sequence[str] | None) -> Frame:
    """Return the columns that are wanted."""
    if only is None:
        return frame
    check_columns(only, list(frame.columns), frame.source)
    return frame.pick(only)


def _records(source: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, with the line it begins in."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{source}, line {line}: not valid CSV: {error}",
                hint="look for a quote that is never closed",
            ) from error
        if record:
            yield line, record


def _decode(spec: FileSpec, content: bytes) -> str:
    encoding = spec.encoding or "utf-8"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what some encodings read in spite of all
            text = content.decode(encoding)
    except LookupError:
        raise DataError(
            f"{spec.file}: {encoding!r} is no encoding that Python knows",
            hint='name another in the audit file, such as encoding = "latin-1"',
        ) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{spec.file}, line {line}: byte 0x{content[error.start]:02x} "
            f"(number {error.start + 1} of the file) is not {encoding.upper()}",
            hint=_encoding_hint(spec, content),
        ) from None
    except UnicodeError as error:
        said = " ".join(str(error).split())
        raise DataError(
            f"{spec.file}: not {encoding.upper()}: {said}", hint=_encoding_hint(spec, content)
        ) from None
    except ValueError:
        raise DataError(
            f"{spec.file}: {encoding!r} cannot be an encoding",
            hint='name another in the audit file, such as encoding = "latin-1"',
        ) from None
    if encoding != "utf-8" and not _is_whole(text):
        raise DataError(
            f"{spec.file}: {encoding!r} gives half a character", hint="save the file as UTF-8"
        )
    return text.removeprefix("\ufeff")


def _is_whole(text: str) -> bool:
    """Return whether no character is half of a pair, as some encodings let through."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _encoding_hint(spec: FileSpec, content: bytes) -> str:
    if spec.encoding:
        return "give the encoding that the file was saved in"
    guess = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "cp1252"
    return f'save the file as UTF-8, or add encoding = "{guess}" to {spec.place}'


def _parquet(spec: FileSpec, path: Path) -> Any:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, pre_buffer=False)
    except Exception as error:
        line = " ".join(str(error).split())
        raise DataError(
            f"{spec.file}: not a Parquet file: {line}",
            hint="write it again as Parquet, or give it the ending of what it is",
        ) from error


def _read_parquet(spec: FileSpec, path: Path, only: Sequence[str] | None) -> Frame:
    file = _parquet(spec, path)
    check_header(file.schema_arrow.names, spec.file)
    check_columns(only or (), file.schema_arrow.names, spec.file)
    try:
        chosen = None if only is None else list(dict.fromkeys(only))
        table = file.read(columns=chosen, use_threads=False)
        columns = {
            name: [_cell(value) for value in column.to_pylist()]
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    except Exception as error:  # text that is not UTF-8, a date beyond the calendar, a cut page
        line = " ".join(str(error).split())
        raise DataError(
            f"{spec.file}: the Parquet file is damaged: {line}",
            hint="write it again, or copy it again from where it came",
        ) from error
    return Frame(source=spec.file, columns=columns, rows=range(1, table.num_rows + 1), noun="row")


def _read_excel(spec: FileSpec, path: Path) -> Frame:
    try:
        import python_calamine
    except ImportError:
        raise UnavailableError(
            f"{spec.file}: reading Excel files needs python-calamine",
            hint='pip install "dpaudit[excel]"',
        ) from None
    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
    except Exception as error:
        line = " ".join(str(error).split())
        raise DataError(
            f"{spec.file}: not an Excel file: {line}",
            hint="save it again from the spreadsheet, without a password, or as CSV",
        ) from error
    sheets = list(book.sheet_names)
    sheet = spec.sheet or (sheets[0] if sheets else "")
    if sheet not in sheets:
        raise DataError(
            f"{spec.file}: there is no sheet {sheet!r}", hint=suggest(sheet, sheets, noun="sheets")
        )
    try:
        cells = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except Exception as error:
        line = " ".join(str(error).split())
        raise DataError(
            f"{spec.file}, sheet {sheet!r}: damaged: {line}",
            hint="open it in a spreadsheet and save it again",
        ) from error
    return _sheet(spec.file, [[_cell(value) for value in row] for row in cells])


def _sheet(source: str, cells: Sequence[Sequence[str]]) -> Frame:
    """Return a sheet whose first row is the header, without empty rows and columns around."""
    if not cells or all(is_missing(cell) for row in cells for cell in row):
        raise DataError(f"{source}: the sheet is empty", hint="it needs a header and rows")
    width = max(i + 1 for row in cells for i, cell in enumerate(row) if not is_missing(cell))
    names = cells[0][:width]
    check_header(names, source)
    kept = [i for i, row in enumerate(cells) if i and not all(is_missing(cell) for cell in row)]
    columns = {name: [cells[i][j] for i in kept] for j, name in enumerate(names)}
    return Frame(source=source, columns=columns, rows=[i + 1 for i in kept], noun="row")


def _cell(value: Any) -> str:
    """Return a typed cell as text: whole numbers without a point, nothing where it is null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)
