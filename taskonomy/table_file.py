"""Transfer tables as CSV files: written by us, or by anyone.

Columns: ``target``, ``sources`` (names joined by ``+``; ``self`` for the target's own network),
``affinity``, and optionally ``gain``, ``quality`` and ``cost``, in any order.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmark.core.errors import InvalidFileError, did_you_mean
from benchmark.core.files import write_text
from benchmark.core.yaml_files import MAX_LISTED, Fault
from taskonomy.transfers import SELF, SEPARATOR, Transfer

REQUIRED = ("target", "sources", "affinity")
OPTIONAL = ("gain", "quality", "cost")
COLUMNS = (*REQUIRED, *OPTIONAL)
MAX_BYTES = 200_000_000

_REMEDY = (
    "Columns are target, sources (joined by '+', or 'self'), affinity, and optionally gain, "
    "quality, cost."
)


def read_transfers(path: Path) -> list[Transfer]:
    """Read a transfer table.

    Args:
        path: CSV file in UTF-8 with a header.

    Returns:
        Its transfers, in order.

    Raises:
        InvalidFileError: With all faults and their lines: unknown, missing or repeated columns,
            duplicates, numbers that are negative or none, a source equal to its target, ...
    """
    return parse_transfers(path, _text(path))


def parse_transfers(path: Path, text: str) -> list[Transfer]:
    r"""Read the text of a transfer table.

    Args:
        path: Where it came from, for messages.
        text: The CSV.

    Returns:
        Its transfers, in order.

    Raises:
        InvalidFileError: With all faults and their lines.

    Example:
        >>> text = "target,sources,affinity\nDepth,self,0.7\nDepth,Edges+Normals,0.3\n"
        >>> [str(transfer) for transfer in parse_transfers(Path("a.csv"), text)]
        ['self -> Depth', 'Edges+Normals -> Depth']
    """
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    reading = _Reading()
    try:
        header = [name.strip() for name in next(rows, [])]
        faults = [Fault(1, text) for text in _header_faults(header)]
        if faults:  # rows cannot be judged before it is known what they mean
            _refuse(path, faults)
        for row in rows:
            reading.add(rows.line_num, header, row)
    except csv.Error as error:
        reading.faults.append(Fault(rows.line_num, f"expected CSV, but {error}. Check the quotes."))
    if not reading.transfers and not reading.faults:
        reading.faults.append(Fault(1, "expected at least one transfer, but got none"))
    _refuse(path, reading.faults)
    return reading.transfers


def write_transfers(path: Path, transfers: Sequence[Transfer]) -> None:
    """Write a transfer table; :func:`read_transfers` reads it back exactly.

    Columns that no transfer fills are left out.

    Raises:
        StorageError: When the file system refuses.
    """
    rows = [_row(transfer) for transfer in transfers]
    filled = [name for name in OPTIONAL if any(row[name] != "" for row in rows)]
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(
        stream, [*REQUIRED, *filled], extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


class _Reading:
    """Transfers and faults found so far."""

    def __init__(self) -> None:
        self.transfers: list[Transfer] = []
        self.faults: list[Fault] = []
        self._seen: dict[tuple[str, tuple[str, ...]], int] = {}

    def add(self, line: int, header: Sequence[str], row: Sequence[str]) -> None:
        """Judge one row of fields."""
        if not any(field.strip() for field in row):
            return
        if len(row) != len(header):
            self._note(line, f"expected {len(header)} fields, but got {len(row)}")
            return
        fields = dict(zip(header, (field.strip() for field in row), strict=True))
        sources = tuple(sorted(part.strip() for part in fields["sources"].split(SEPARATOR)))
        numbers, faults = _numbers(fields)
        faults += source_faults(fields["target"], sources)
        key = (fields["target"], sources)
        if key in self._seen:
            faults.append(f"{_shown(key)} is already on line {self._seen[key]}. Keep one of them")
        self._seen.setdefault(key, line)
        for fault in faults:
            self._note(line, fault)
        if not faults:
            self.transfers.append(_transfer(fields["target"], sources, numbers))

    def _note(self, line: int, text: str) -> None:
        self.faults.append(Fault(line, text))


def _transfer(
    target: str, sources: tuple[str, ...], numbers: Mapping[str, float | None]
) -> Transfer:
    return Transfer(
        target,
        () if sources == (SELF,) else sources,
        numbers["affinity"] or 0.0,
        numbers.get("gain"),
        numbers.get("quality"),
        numbers.get("cost") or 0.0,
    )


def _shown(key: tuple[str, tuple[str, ...]]) -> str:
    return f"transfer {SEPARATOR.join(key[1])} -> {key[0]}"


def _header_faults(header: Sequence[str]) -> Iterator[str]:
    if not any(header):
        yield "expected a header, but got an empty file"
        return
    for name in header:
        if name not in COLUMNS:
            hint = did_you_mean(name, COLUMNS)
            yield f"unknown column '{name}'. {hint or 'Remove it.'}"
    yield from (f"missing column '{name}'" for name in REQUIRED if name not in header)
    yield from (
        f"column '{name}' occurs {header.count(name)} times"
        for name in COLUMNS
        if header.count(name) > 1
    )


def source_faults(target: str, sources: Sequence[str]) -> list[str]:
    """What is wrong with the names of one transfer."""
    faults = []
    if not target:
        faults.append("expected a target, but got nothing")
    if SEPARATOR in target or target == SELF:
        faults.append(f"expected the name of one target, but got '{target}'")
    if "" in sources:
        faults.append("expected sources joined by '+', but got an empty name")
    if SELF in sources and len(sources) > 1:
        faults.append("expected 'self' alone, but got it among other sources")
    if target and target in sources:
        faults.append(f"source '{target}' is the target itself. Write 'self' for its own network")
    if len(set(sources)) < len(sources):
        faults.append(f"expected each source once, but got {SEPARATOR.join(sources)}")
    return faults


def _numbers(fields: Mapping[str, str]) -> tuple[dict[str, float | None], list[str]]:
    numbers: dict[str, float | None] = {}
    faults = []
    for name in ("affinity", *OPTIONAL):
        text = fields.get(name, "")
        if text == "" and name != "affinity":
            numbers[name] = None
            continue
        highest = 1.0 if name in {"gain", "quality"} else float("inf")
        value = _number(text)
        if value is None or not 0 <= value <= highest or value == float("inf"):
            limit = "a number from 0 to 1" if highest == 1 else "a number, 0 or more"
            faults.append(f"'{name}': expected {limit}, but got '{text}'")
        numbers[name] = value
    return numbers, faults


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _row(transfer: Transfer) -> dict[str, str]:
    return {
        "target": transfer.target,
        "sources": SEPARATOR.join(transfer.sources) or SELF,
        "affinity": repr(transfer.affinity),
        "gain": "" if transfer.gain is None else repr(transfer.gain),
        "quality": "" if transfer.quality is None else repr(transfer.quality),
        "cost": repr(transfer.cost) if transfer.cost else "",
    }


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InvalidFileError(path, ["expected a file, but there is none"]) from error
    except OSError as error:
        fault = f"expected a readable file, but got: {error.strerror}"
        raise InvalidFileError(path, [fault]) from error
    if len(content) > MAX_BYTES:
        raise InvalidFileError(path, [f"expected at most {MAX_BYTES:,} bytes. Split the file."])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidFileError(
            path, [str(Fault(line, "expected UTF-8. Save as UTF-8."))]
        ) from error


def _refuse(path: Path, faults: Sequence[Fault]) -> None:
    if faults:
        listed = [str(fault) for fault in sorted(faults)[:MAX_LISTED]]
        if len(faults) > MAX_LISTED:
            listed.append(f"and {len(faults) - MAX_LISTED} more. Mend these first.")
        raise InvalidFileError(path, listed, _REMEDY)
