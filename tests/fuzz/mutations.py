"""Changes of valid inputs: bytes, texts, values, containers, names; each drawn from a number."""

from __future__ import annotations

import csv
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import yaml

from tests.fuzz.harness import Content, Tree

_PNG = b"\x89PNG\r\n\x1a\n"
_DEEP = 3000

#: Values that readers seldom expect; deep ones are made on demand.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 7, 1e308, -1e308, 0.5, 2**31, 2**63, 2**64, -(2**63), 10**400,
    float("nan"), float("inf"), -float("inf"), 1e-320, "", " ", "0", "-1", "1e999", "nan", "null",
    "x", "é", "\u202e", "\x1b[2J", "\x9b31m", "\x00", "\x07", "a\nb", "a" * 5000, "../../outside",
    "../outside/secret.txt", "/etc/passwd", "..", ".", "/", "{root}/outside/secret.txt", "~",
    "%2e%2e/x", "data:,", "file:///etc/passwd", "http://127.0.0.1:9/x", "CON", "\ud800", "\ufeff",
    "🦜" * 50, [], {}, [[]], [None], {"": None}, {"a": {"b": []}}, [1, 2, 3], [0] * 300, "0" * 64,
    "9" * 5000, "1" * 8, "true", "2026-02-30", "!!python/object:os.system", "*a", "<b>", "$HOME",
)  # fmt: skip
_NAMES = (
    "é", "a b", " ", "...", ".hidden", "-o", "--help", "a\nb", "\x1b[31m", "\u202ename", "x" * 200,
    "train", "VAL", "Test", "validation", "%20", "#", "{}", "'\"", "\\", "nul\u200b", "a,b;c", "*",
    "\udc80", "CARD.JSON", "data", "a.tar.gz", "0",
)  # fmt: skip
_TOKENS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\x1b[2J", b"\xc2\x9b", b"nan", b"inf",
    b"1e999", b"-1", b"9" * 400, b"{", b"}", b"[" * 5000, b",", b"\t", b'"', b"&a *a", b"...",
    b"---\n", b"!!binary x", b"\xe2\x80\xae", b"\xed\xa0\x80", b"../" * 30,
)  # fmt: skip
_LARGEST = 2**26
_NUMBERS = tuple(
    struct.pack(form, value)
    for form in ("<I", ">I", "<Q", "<H")
    for value in (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1)
    if value < 2 ** (8 * struct.calcsize(form))
)


def mutated(tree: Tree, seed: int) -> Tree:
    """Return a copy of a tree with one change."""
    draw = random.Random(seed)
    names = list(tree)
    if not names:
        return tree
    name = draw.choice(names)
    if draw.random() < 0.15:
        return _renamed(tree, name, draw)
    content = tree[name]
    if isinstance(content, bytes):
        changed = mutated_file(name, content, draw)
        content = changed if len(changed) <= _LARGEST else content  # repeated lines of many lines
    return {**tree, name: content}


def _renamed(tree: Tree, name: str, draw: random.Random) -> Tree:
    """Change a tree: the place or the kind of an entry."""
    content, rest = tree[name], {key: value for key, value in tree.items() if key != name}
    folder, _, base = name.rpartition("/")
    suffix = base[base.find(".") :] if "." in base else ""
    prefix = f"{folder}/" if folder else ""
    other: dict[str, Content] = {
        "gone": {},
        "twice": {name: content, f"{prefix}copy of {base}": content},
        "deeper": {f"{prefix}{draw.choice(_NAMES)}/{base}": content},
        "named": {f"{prefix}{draw.choice(_NAMES)}{suffix}": content},
        "suffix": {name + draw.choice((".txt", ".gz", ".png", "~", ".json", ".npz")): content},
        "higher": {base: content},
        "pipe": {name: ("pipe", "")},
        "folder": {name: ("folder", "")},
        "loop": {name: ("link", base)},
        "parent": {name: ("link", "..")},
        "outside": {name: ("link", "../" * (name.count("/") + 1) + "outside/secret.txt")},
        "absent": {name: ("link", "no such file")},
        "device": {name: ("link", "/dev/zero")},
        "linked": {f"{prefix}real{suffix}": content, name: ("link", f"real{suffix}")},
        "empty": {name: b""},
    }[draw.choice(
        ("gone", "twice", "deeper", "named", "suffix", "higher", "pipe", "folder", "loop",
         "parent", "outside", "absent", "device", "linked", "empty")
    )]  # fmt: skip
    return {**rest, **other}


def mutated_file(name: str, content: bytes, draw: random.Random) -> bytes:
    """Change a file by its structure, else as text or bytes."""
    if draw.random() < 0.8:
        for knows, change in _KINDS:
            if knows(name, content):
                try:
                    return change(content, draw)
                except Exception:  # an earlier change has damaged the structure
                    break
    is_text = b"\0" not in content[:512]
    return (_text if is_text and draw.random() < 0.7 else _bytes)(content, draw)


def _bytes(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content) + 1)
    end = min(len(content), place + draw.choice((1, 4, 16, 100)))
    head, tail = content[:place], content[place:]
    number = draw.choice(_NUMBERS)
    early = min(place, 200)
    return draw.choice(
        (
            lambda: _flipped(content, draw),
            lambda: head,
            lambda: head + content[end:],
            lambda: content[:end] + tail,
            lambda: head + number + content[place + len(number) :],
            lambda: content[:early] + number + content[early + len(number) :],
            lambda: content + draw.randbytes(draw.choice((1, 100, 5000))),
            lambda: head + draw.choice(_TOKENS) + tail,
        )
    )()


def _flipped(content: bytes, draw: random.Random) -> bytes:
    found = bytearray(content or b"0")
    for _ in range(draw.choice((1, 1, 3, 20))):
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


def _text(content: bytes, draw: random.Random) -> bytes:
    kind = draw.randrange(8)
    if kind == 0:
        return b"\xef\xbb\xbf" + content
    if kind == 1:
        return content.replace(b"\n", draw.choice((b"\r\n", b"\r", b"\n\n", b"\x0b")))
    if kind == 2:
        return content.decode("utf-8", "replace").encode(draw.choice(("utf-16", "utf-32-le")))
    if kind in (3, 4):
        lines = content.splitlines(keepends=True) or [b""]
        at = draw.randrange(len(lines))
        lines[at : at + 1] = draw.choice(
            ([], [lines[at]] * 2, [lines[at]] * 300, [b"\t" + lines[at]])
        )
        return b"".join(lines)
    words = content.split(b" ")
    at = draw.randrange(len(words))
    words[at] = draw.choice((*_TOKENS, words[draw.randrange(len(words))]))
    return b" ".join(words)


def changed_value(value: Any, draw: random.Random) -> Any:
    """Change a tree of lists, dictionaries and plain values at one place."""
    places = list(_places(value))
    if not places or draw.random() < 0.03:
        return draw.choice((*VALUES, _deep(draw)))
    holder, key = draw.choice(places)
    kind = draw.randrange(7)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[draw.choice(("", f"{key}s", "x", "\x1b[1m", str(key).upper()))] = holder.pop(key)
    elif kind == 1:
        holder.insert(key, holder[key])
    elif kind == 2:
        other, name = draw.choice(places)
        holder[key] = json.loads(json.dumps(other[name]))
    elif kind == 3 and isinstance(holder[key], int | float):
        holder[key] = draw.choice((-1, 0, 10, 1e6, 1e18)) * (holder[key] or 1)
    elif kind == 4:
        holder[key] = draw.choice(
            ([holder[key]], {"x": holder[key]}, str(holder[key]), _deep(draw))
        )
    else:
        holder[key] = draw.choice(VALUES)
    return value


def _deep(draw: random.Random) -> Any:
    value: Any = 0
    for _ in range(draw.choice((50, 400))):
        value = draw.choice(([value], {"a": value}))
    return value


def _places(value: Any, depth: int = 0) -> Any:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in list(keys):
        yield value, key
        if depth < 30:
            yield from _places(value[key], depth + 1)


def json_text(value: Any) -> bytes:
    """JSON as a careless program writes it: NaN and lone surrogates included."""
    return json.dumps(value).encode()


def _json(content: bytes, draw: random.Random) -> bytes:
    if draw.random() < 0.05:
        return b"[" * 100_000 if draw.random() < 0.5 else b'{"a":' * 100_000
    return json_text(changed_value(json.loads(content), draw))


def _json_lines(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    at = draw.randrange(len(lines))
    lines[at] = _json(lines[at], draw) + b"\n"
    return b"".join(lines)


def _yaml(content: bytes, draw: random.Random) -> bytes:
    value = changed_value(yaml.safe_load(content), draw)
    return yaml.safe_dump(value, allow_unicode=draw.random() < 0.5, sort_keys=False).encode()


def _csv(content: bytes, draw: random.Random) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode())))
    row = draw.choice(rows)
    if draw.random() < 0.2:
        row.append(str(draw.choice(VALUES)))
    row[draw.randrange(len(row))] = str(draw.choice(VALUES))
    if draw.random() < 0.2:
        del row[draw.randrange(len(row))]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode(
        "utf-8", "surrogateescape" if draw.random() < 0.5 else "replace"
    )


def _safetensors(content: bytes, draw: random.Random) -> bytes:
    (length,) = struct.unpack_from("<Q", content)
    header = json_text(changed_value(json.loads(content[8 : 8 + length]), draw))
    said = draw.choice((0, 2**40, len(header) + 1)) if draw.random() < 0.1 else len(header)
    return struct.pack("<Q", said) + header + content[8 + length :]


def _glb(content: bytes, draw: random.Random) -> bytes:
    (length,) = struct.unpack_from("<I", content, 12)
    tree = json_text(changed_value(json.loads(content[20 : 20 + length]), draw))
    tree += b" " * (-len(tree) % 4)
    rest = content[20 + length :]
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(tree) + len(rest), len(tree), 0x4E4F534A)
    return head + tree + rest


def _zip(content: bytes, draw: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    at = draw.randrange(len(members))
    name, inner = members[at]
    kind = draw.randrange(6)
    if kind == 0:
        del members[at]
    elif kind == 1:
        members[at] = draw.choice(("../x", "/tmp/x", "", "a" * 300, name + "x", "\x1b[2J")), inner
    elif kind == 2:
        members.append((name + draw.choice(("", "2")), inner))
    elif kind == 3:
        members[at] = name, bytes(draw.choice((10, 20_000_000)))
    else:
        members[at] = name, mutated_file(name, inner, draw)
    with warnings_off(), zipfile.ZipFile(stream, "w", draw.choice((0, 8))) as archive:
        for name, inner in members:
            archive.writestr(name, inner)
    return stream.getvalue()


def warnings_off() -> Any:
    """Context without Python's warnings."""
    import warnings

    return warnings.catch_warnings(action="ignore")


def _npy(content: bytes, draw: random.Random) -> bytes:
    (length,) = struct.unpack_from("<H", content, 8)
    header, data = content[10 : 10 + length].decode("latin-1"), content[10 + length :]
    old, new = draw.choice(
        (
            (
                "'shape': (",
                "'shape': (" + draw.choice(("9999999999, ", "-1, ", "2, ", "0, ", "1e9,")),
            ),
            ("'descr': '", "'descr': '" + draw.choice(("O", "<U999999999", "V", "|S0", ">", "x"))),
            ("False", "True"),
            ("{", draw.choice(("", "{" * 300, "(" * 300, "{'x': 1, "))),
            ("'descr'", draw.choice(("'x'", "b'descr'", "__import__('os')"))),
        )
    )
    text = header.replace(old, new, 1).rstrip() + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin-1") + data


def _png(content: bytes, draw: random.Random) -> bytes:
    """Change chunks of a PNG file; their checksums are right."""
    chunks, at = [], 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    number = draw.randrange(len(chunks))
    kind, data = chunks[number]
    if draw.random() < 0.5:
        width, height = draw.choice(
            ((20000, 20000), (1, 60_000_000), (2**31 - 1, 1), (0, 5), (8, 7))
        )
        depth = draw.choice(((8, 2), (16, 0), (1, 0), (8, 3), (3, 9), (16, 6)))
        chunks[0] = (
            b"IHDR",
            struct.pack(">IIBBBBB", width, height, *depth, 0, 0, draw.choice((0, 1))),
        )
    elif draw.random() < 0.5:
        chunks[number] = kind, _bytes(data, draw)
    else:
        extra = draw.choice((b"iCCP", b"eXIf", b"tEXt", b"tRNS", b"acTL", b"PLTE", b"zTXt"))
        chunks.insert(
            1, (extra, draw.choice((b"", b"a\0\0" + zlib.compress(bytes(10**7)), data[:300])))
        )
    return _PNG + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _parquet(content: bytes, draw: random.Random) -> bytes:
    """Change columns of a Parquet file: their names, types, values or metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(content))
    at = draw.randrange(table.num_columns)
    name, column = table.column_names[at], table.column(at)
    kind = draw.randrange(7)
    try:
        if kind == 0:
            table = table.drop_columns([name])
        elif kind == 1:
            table = table.append_column(
                draw.choice((name, "label", "image", "\x1b[1m", "")), column
            )
        elif kind == 2:
            names = list(table.column_names)
            names[at] = draw.choice(("label", "image", "img", "x", "", "é", "\x9b", "split"))
            table = table.rename_columns(names)
        elif kind == 3:
            table = (
                table.slice(0, draw.choice((0, 1)))
                if draw.random() < 0.7
                else pa.concat_tables([table] * 50)
            )
        elif kind == 4:
            meta = {b"huggingface": json_text(changed_value({"info": {"features": {}}}, draw))}
            table = table.replace_schema_metadata(
                meta | {b"label_names": draw.choice((b"[", b'["a"]'))}
            )
        else:
            table = table.set_column(at, name, _column(column, draw))
        stream = io.BytesIO()
        parquet.write_table(table, stream)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(str(error)) from error
    return stream.getvalue()


def _column(column: Any, draw: random.Random) -> Any:
    import pyarrow as pa

    values = column.to_pylist()
    kind = draw.randrange(4)
    if kind == 0:
        some = draw.choice([value for value in VALUES if isinstance(value, str | None)])
        return pa.array([some if draw.random() < 0.5 else str(value)[:50] for value in values])
    if kind == 1:
        some = draw.choice((None, -1, 0, 2**62, float("nan"), 1e308))
        return pa.array([some] * len(values))
    if kind == 2:
        return pa.array([draw.choice((None, value)) for value in values], column.type)
    return pa.array(
        [draw.choice(([value], {"bytes": value, "path": None})) for value in values[:1]]
        * len(values)
    )


def _mat(content: bytes, draw: random.Random) -> bytes:
    """Write a MATLAB file again with one odd variable."""
    import numpy as np
    from scipy.io import loadmat, savemat

    values = {k: v for k, v in loadmat(io.BytesIO(content)).items() if not k.startswith("__")}
    name = draw.choice(list(values))
    old = values.pop(name)
    if draw.random() < 0.8:
        values[name] = draw.choice(
            (old.astype(float) * np.nan, old[:1], old.T, "text", np.empty((0, 0)), {"a": old},
             old.astype(np.uint64) + 2**40, np.array([[old]], dtype=object), 1j * old)
        )  # fmt: skip
    stream = io.BytesIO()
    savemat(stream, values, do_compression=draw.random() < 0.5)
    return stream.getvalue()


def _hdf5(content: bytes, draw: random.Random) -> bytes:
    import h5py
    import numpy as np

    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        name = draw.choice(list(file))
        old = file[name][()]
        del file[name]
        kind = draw.randrange(7)
        if kind == 0:
            file.create_dataset(name, (10**6, 10**6), "u1", chunks=(1000, 1000), compression="gzip")
        elif kind == 1:
            file.create_group(name)
        elif kind == 2:
            file[name] = "text"
        elif kind == 3:
            file[name] = h5py.SoftLink("/absent")
        elif kind == 4:
            file[name] = h5py.ExternalLink("/etc/passwd", "/x")
        elif kind == 5:
            file[name] = draw.choice((old[:1], old.astype(float) * np.nan, old.T, old.astype("S3")))
    return stream.getvalue()


def _ends(*suffixes: str) -> Callable[[str, bytes], bool]:
    return lambda name, content: name.lower().endswith(suffixes)


def _begins(magic: bytes) -> Callable[[str, bytes], bool]:
    return lambda name, content: content.startswith(magic)


_KINDS: tuple[tuple[Callable[[str, bytes], bool], Callable[[bytes, random.Random], bytes]], ...] = (
    (_begins(_PNG), _png),
    (_begins(b"PK\x03\x04"), _zip),
    (_begins(b"PAR1"), _parquet),
    (_begins(b"glTF"), _glb),
    (_begins(b"\x93NUMPY"), _npy),
    (_begins(b"\x89HDF"), _hdf5),
    (_ends(".mat"), _mat),
    (_ends(".safetensors"), _safetensors),
    (_ends(".jsonl"), _json_lines),
    (_ends(".json", ".gltf"), _json),
    (_ends(".yaml", ".yml"), _yaml),
    (_ends(".csv"), _csv),
)
