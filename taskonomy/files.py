"""Files of transfers: tables as CSV, samples per test item as ``.npz``, numbers by task as YAML.

A table has the columns ``target``, ``sources`` (names joined by ``+``; ``self`` for the target's
own network), ``affinity``, and optionally ``gain``, ``quality`` and ``cost``, in any order.

An archive of samples holds an array ``sources`` of names (joined by ``+``; ``self``: the target's
own network; ``scratch``: a network without transfer, used for the gain only), and one array per
target, ``(n_sources, n_items)``: booleans (True: right on the item), or losses. An array
``sources/TARGET`` replaces ``sources`` for one target. Nothing is unpickled.

Numbers by task, such as importances and costs, are lines such as ``CUB: 2.0``.
"""

from __future__ import annotations

import csv
import io
import math
import sys
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.lib.format import (
    read_array,
    read_array_header_1_0,
    read_array_header_2_0,
    read_magic,
)

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    T2SBenchError,
    did_you_mean,
)
from benchmark.core.files import check_regular, write_text
from benchmark.core.yaml_files import MAX_LISTED, Fault, read_document
from taskonomy.transfers import LARGEST, SELF, SEPARATOR, Transfer, transfers_of_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Names in archives of samples: the array of sources, and the row without transfer.
SOURCES = "sources"
SCRATCH = "scratch"

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
            duplicates, invalid or negative numbers, a source equal to its target, ...
    """
    return parse_transfers(path, _text(path))


def parse_transfers(path: Path, text: str) -> list[Transfer]:
    r"""Read the text of a transfer table.

    Args:
        path: File of the text, for messages.
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
        if faults:  # rows need a valid header
            _refuse(path, faults)
        for row in rows:
            reading.add(rows.line_num, header, row)
    except csv.Error as error:
        reading.faults.append(Fault(rows.line_num, f"invalid CSV: {error}. Check the quotes."))
    if not reading.transfers and not reading.faults:
        reading.faults.append(Fault(1, "no transfers"))
    _refuse(path, reading.faults)
    return reading.transfers


def write_transfers(path: Path, transfers: Sequence[Transfer]) -> None:
    """Write a transfer table; :func:`read_transfers` reads it back exactly.

    Columns without values are left out.

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
        """Check one row of fields and keep its transfer."""
        if not any(field.strip() for field in row):
            return
        if len(row) != len(header):
            self._note(line, f"{len(row)} fields instead of {len(header)}")
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
        yield "the file is empty"
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
    """Faults of the names of one transfer."""
    faults = []
    if not target:
        faults.append("no target")
    if SEPARATOR in target or target == SELF:
        faults.append(f"'{target}' is not the name of one target")
    if "" in sources:
        faults.append("an empty name among the sources")
    if SELF in sources and len(sources) > 1:
        faults.append("'self' must stand alone")
    if target and target in sources:
        faults.append(f"source '{target}' is the target itself. Write 'self' for its own network")
    if len(set(sources)) < len(sources):
        faults.append(f"a source is named twice in {SEPARATOR.join(sources)}")
    return faults


def _numbers(fields: Mapping[str, str]) -> tuple[dict[str, float | None], list[str]]:
    numbers: dict[str, float | None] = {}
    faults = []
    for name in ("affinity", *OPTIONAL):
        text = fields.get(name, "")
        if text == "" and name != "affinity":
            numbers[name] = None
            continue
        highest = 1.0 if name in {"gain", "quality"} else LARGEST
        value = _number(text)
        if value is None or not 0 <= value <= highest:
            limit = "a number from 0 to 1" if highest == 1 else _wanted(value)
            faults.append(f"'{name}' must be {limit} (got '{text}')")
        numbers[name] = value
    return numbers, faults


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _wanted(value: float | None) -> str:
    too_large = value is not None and LARGEST < value < float("inf")
    return f"at most {LARGEST:g}" if too_large else "a number, 0 or more"


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
        check_regular(path)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InvalidFileError(path, ["no such file. Check the path."]) from error
    except OSError as error:
        fault = f"not readable: {error.strerror}"
        raise InvalidFileError(path, [fault]) from error
    if len(content) > MAX_BYTES:
        raise InvalidFileError(path, [f"more than {MAX_BYTES:,} bytes. Split the file."])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidFileError(
            path, [str(Fault(line, "not UTF-8. Save the file as UTF-8."))]
        ) from error


def _refuse(path: Path, faults: Sequence[Fault]) -> None:
    if faults:
        listed = [str(fault) for fault in sorted(faults)[:MAX_LISTED]]
        if len(faults) > MAX_LISTED:
            listed.append(f"and {len(faults) - MAX_LISTED} more. Correct these first.")
        raise InvalidFileError(path, listed, _REMEDY)


def read_samples(path: Path) -> list[Transfer]:
    """Read transfers with affinities from an archive of samples.

    Args:
        path: The ``.npz`` file.

    Returns:
        Transfers target by target.

    Raises:
        InvalidFileError: With all faults: no readable archive, no sources, shapes that disagree,
            losses that are NaN, ...
    """
    arrays = _arrays(path)
    targets = [name for name in arrays if name.partition("/")[0] != SOURCES]
    found: list[Transfer] = []
    faults = [] if targets else ["no array of a target"]
    for target in targets:
        try:
            found += _transfers(target, arrays)
        except T2SBenchError as error:
            faults.append(f"target '{target}': {error}")
        except LookupError:
            faults.append(f"target '{target}': no array '{SOURCES}'")
    if faults:
        raise InvalidFileError(path, faults, "See the format in docs/taxonomy.md.")
    return found


def _transfers(target: str, arrays: Mapping[str, NDArray[Any]]) -> Iterator[Transfer]:
    names = arrays.get(f"{SOURCES}/{target}")
    rows = [str(name) for name in (arrays[SOURCES] if names is None else names).ravel()]
    _check_names(target, rows)
    samples = arrays[target]
    if samples.ndim != 2 or len(samples) != len(rows):
        yield from transfers_of_samples(target, [(name,) for name in rows], samples)  # refused
    scratch = samples[rows.index(SCRATCH)] if SCRATCH in rows else None
    kept = [row for row, name in enumerate(rows) if name != SCRATCH]
    groups = [_group(rows[row]) for row in kept]
    yield from transfers_of_samples(target, groups, samples[kept], scratch)


def _check_names(target: str, rows: Sequence[str]) -> None:
    """Refuse rows that are not the sources of a table of transfers, each once, in any order."""
    groups = Counter(_group(name) for name in rows)
    faults = [
        f"{SEPARATOR.join(group) or SELF} twice" for group, count in groups.items() if count > 1
    ]
    for name in rows:
        faults += source_faults(target, [part.strip() for part in name.split(SEPARATOR)])
        if SCRATCH in name.split(SEPARATOR) and name != SCRATCH:
            faults.append(f"'{SCRATCH}' must stand alone (got '{name}')")
    if faults:
        raise InvalidInputError(f"{'; '.join(faults)}. Name each row once.")


def _group(name: str) -> tuple[str, ...]:
    return () if name == SELF else tuple(sorted(part.strip() for part in name.split(SEPARATOR)))


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    # Whatever the readers of archive, header and array raise, the file is at fault.
    try:
        check_regular(path)
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size <= MAX_BYTES:
                return {one.filename.removesuffix(".npy"): _array(archive, one) for one in members}
    except Exception as error:
        reason = f"{error}" or type(error).__name__
        fault = f"not a readable .npz archive without pickled objects: {reason}"
        raise InvalidFileError(path, [fault]) from error
    raise InvalidFileError(path, [f"{size:,} bytes of arrays, more than {MAX_BYTES:,}"])


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Read a member whose header and size agree."""
    headers = {(1, 0): read_array_header_1_0, (2, 0): read_array_header_2_0}
    with archive.open(member) as stream:
        version = read_magic(stream)
        if version not in headers:
            raise ValueError(f"{member.filename} is of version {version}")
        shape, _, dtype = headers[version](stream)
        size = member.file_size - stream.tell()
    if not dtype.hasobject and (
        min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size
    ):
        raise ValueError(
            f"{member.filename} states shape {shape} of {dtype}, but has {size:,} bytes"
        )
    with archive.open(member) as stream:
        array: NDArray[Any] = read_array(stream, allow_pickle=False)
    if array.dtype.kind == "V":
        raise ValueError(f"{member.filename} holds records ({array.dtype}), not numbers or names")
    if array.dtype.kind == "U" and array.nbytes:
        # NumPy makes strings of any numbers, which Python cannot print.
        codes = array.reshape(-1).view(array.dtype.str[0] + "u4")
        if codes.max() > sys.maxunicode or ((codes >= 0xD800) & (codes < 0xE000)).any():
            raise ValueError(f"{member.filename} holds text that is not Unicode")
    return array


def read_numbers(path: Path, known: Collection[str]) -> dict[str, float]:
    """Read one number per task.

    Args:
        path: YAML file, a mapping from names to numbers.
        known: Names of the tasks.

    Returns:
        The numbers of the tasks that the file names.

    Raises:
        InvalidFileError: With all faults and their lines: no mapping, unknown names, repeated
            names, invalid or negative numbers.
    """
    document = read_document(path)
    if not isinstance(document.value, dict):
        raise InvalidFileError(path, ["not a mapping. Write lines such as 'CUB: 2.0'."])
    faults = []
    for name, value in document.value.items():
        line = document.line((name,))
        if name not in known:
            hint = did_you_mean(name, sorted(known))
            faults.append(Fault(line, f"unknown task '{name}'. {hint or 'Remove it.'}"))
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= LARGEST:
            wanted = _wanted(value if number else None)
            faults.append(Fault(line, f"'{name}' must be {wanted} (got '{value}')"))
    document.refuse(faults)
    return {name: float(value) for name, value in document.value.items()}
