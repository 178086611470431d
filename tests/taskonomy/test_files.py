"""Files of users: transfer tables, samples, numbers; every fault with its line."""

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import InvalidFileError
from taskonomy.files import (
    MAX_BYTES,
    parse_transfers,
    read_numbers,
    read_samples,
    read_transfers,
    write_transfers,
)
from taskonomy.transfers import Transfer

FAULTY = """\
target,sources,affinity,gain,cost
Depth,self,0.7,0.9,
Depth,Edges+Depth,0.2,,
Depth,Normals,-0.1,,
Depth,Edges+Normals,0.1,,
Depth,Normals+Edges,0.2,,
Depth,self+Edges,0.2,,
Depth,Edges+Edges,0.2,,
Depth,Edges++Normals,0.2,,

,Edges,0.2,,
Depth,Curvature,much,,
Depth,Keypoints,,1.2,-1
Depth,Short
self,Edges,nan,inf,
"""

EXPECTED = [
    "line 3: source 'Depth' is the target itself. Write 'self' for its own network",
    "line 4: 'affinity' must be a number, 0 or more (got '-0.1')",
    "line 6: transfer Edges+Normals -> Depth is already on line 5. Keep one of them",
    "line 7: 'self' must stand alone",
    "line 8: a source is named twice in Edges+Edges",
    "line 9: an empty name among the sources",
    "line 11: no target",
    "line 12: 'affinity' must be a number, 0 or more (got 'much')",
    "line 13: 'affinity' must be a number, 0 or more (got '')",
    "line 13: 'cost' must be a number, 0 or more (got '-1')",
    "line 13: 'gain' must be a number from 0 to 1 (got '1.2')",
    "line 14: 2 fields instead of 5",
    "line 15: 'affinity' must be a number, 0 or more (got 'nan')",
    "line 15: 'gain' must be a number from 0 to 1 (got 'inf')",
    "line 15: 'self' is not the name of one target",
]


def test_all_faults_are_listed_with_their_lines(tmp_path):
    path = tmp_path / "faulty.csv"
    path.write_text(FAULTY)
    with pytest.raises(InvalidFileError) as caught:
        read_transfers(path)
    assert sorted(caught.value.faults) == sorted(EXPECTED)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["line 1: the file is empty"]),
        ("target,sources,affinity\n", ["line 1: no transfers"]),
        (
            "target,source,affinity,affinity\nA,B,1,1\n",
            [
                "line 1: column 'affinity' occurs 2 times",
                "line 1: missing column 'sources'",
                "line 1: unknown column 'source'. Did you mean 'sources'?",
            ],
        ),
        ("target,sources,affinity,zzz\n", ["line 1: unknown column 'zzz'. Remove it."]),
        (
            'target,sources,affinity\n"A,B,0.2\n',
            ["line 2: invalid CSV: unexpected end of data. Check the quotes."],
        ),
    ],
)
def test_broken_tables(text, faults):
    with pytest.raises(InvalidFileError, match="target, sources") as caught:
        parse_transfers(Path("a.csv"), text)
    assert caught.value.faults == faults


def test_endless_faults_are_cut():
    text = "target,sources,affinity\n" + "A,B,-1\n" * 500
    with pytest.raises(InvalidFileError, match="and 899 more"):
        parse_transfers(Path("a.csv"), text)


def test_unreadable_tables(tmp_path, monkeypatch):
    with pytest.raises(InvalidFileError, match="no such file"):
        read_transfers(tmp_path / "absent.csv")
    with pytest.raises(InvalidFileError, match="Is a directory"):
        read_transfers(tmp_path)
    path = tmp_path / "a.csv"
    path.write_bytes(b"target,sources,affinity\nA,\xff,1\n")
    with pytest.raises(InvalidFileError, match=r"line 2: .*UTF-8"):
        read_transfers(path)
    monkeypatch.setattr("taskonomy.files.MAX_BYTES", 10)
    with pytest.raises(InvalidFileError, match="10 bytes"):
        read_transfers(path)
    assert MAX_BYTES > 10**8


def test_spaces_orders_and_a_byte_order_mark_do_not_matter(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffaffinity , target,sources\r\n 0.5, A , C + B\r\n".encode())
    assert read_transfers(path) == [Transfer("A", ("B", "C"), 0.5)]


NAMES = st.text(
    st.characters(exclude_characters="+", exclude_categories=["C", "Z"]), min_size=1, max_size=6
).filter(lambda name: name != "self" and not name.startswith("\ufeff"))


@given(
    st.dictionaries(
        st.tuples(NAMES, st.frozensets(NAMES, max_size=3)).filter(lambda key: key[0] not in key[1]),
        st.tuples(
            st.floats(0, 1e6),
            st.none() | st.floats(0, 1),
            st.none() | st.floats(0, 1),
            st.floats(0, 10).map(lambda cost: cost + 0.0),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_written_is_read_back(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("tables") / "a.csv"
    transfers = [Transfer(key[0], tuple(key[1]), *values) for key, values in table.items()]
    write_transfers(path, transfers)
    assert read_transfers(path) == transfers
    first = path.read_bytes()
    write_transfers(path, transfers)
    assert path.read_bytes() == first


def test_samples(tmp_path, rng):
    right = rng.random((4, 50)) < 0.5
    losses = rng.random((2, 30))
    np.savez(
        tmp_path / "a.npz",
        **{
            "sources": np.array(["self", "B+A", "scratch", "C"]),
            "T": right,
            "U": losses,
            "sources/U": np.array(["T", "A"]),
        },
    )
    found = read_samples(tmp_path / "a.npz")
    assert sorted(map(str, found)) == ["A -> U", "A+B -> T", "C -> T", "T -> U", "self -> T"]
    own = next(one for one in found if one.is_self)
    assert own.quality == 0.5
    assert own.gain == pytest.approx(0.5 + (right[0].mean() - right[2].mean()) / 2)
    assert next(one for one in found if one.target == "U").gain is None


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"T": np.zeros((2, 3))}, "no array 'sources'"),
        ({"sources": np.array(["A"])}, "no array of a target"),
        ({"sources": np.array(["A"]), "T": np.zeros((2, 3))}, r"\(1, n_items\)"),
        ({"sources": np.array(["T"]), "T": np.zeros((1, 3))}, "source 'T' is the target itself"),
        ({"sources": np.array(["A"]), "T": np.full((1, 3), np.nan)}, "3 losses are not a number"),
        ({"sources": np.array(["A"]), "T": np.array(["x"])}, "target 'T'"),
        ({"sources": np.array(["A", "A"]), "T": np.zeros((2, 3))}, "A twice"),
        ({"sources": np.array(["A+B", "B+A"]), "T": np.zeros((2, 3))}, r"A\+B twice"),
        ({"sources": np.array(["A", ""]), "T": np.zeros((2, 3))}, "an empty name"),
        ({"sources": np.array(["self+A"]), "T": np.zeros((1, 3))}, "'self' must stand alone"),
        ({"sources": np.array(["scratch+A"]), "T": np.zeros((1, 3))}, "'scratch' must stand alone"),
        ({"sources": np.array(["A+"]), "T": np.zeros((1, 3))}, "an empty name"),
        ({"sources": np.array(["A", 1], dtype=object)}, "without pickled objects"),
    ],
)
def test_broken_samples(tmp_path, arrays, says):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InvalidFileError, match=says):
        read_samples(tmp_path / "a.npz")


def test_damaged_compressed_samples(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, sources=np.array(["A"]), T=np.random.default_rng(0).random((1, 999)))
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 40] = b"\xff" * 40
    path.write_bytes(whole)
    with pytest.raises(InvalidFileError, match=r"readable \.npz archive"):
        read_samples(path)


def npy(shape: str, content: bytes = b"", kind: str = "<f8") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


@pytest.mark.parametrize(
    "member",
    [
        npy("(3000000000000,)"),
        npy("(1, 1000000000000000000000)"),
        npy("(-1, 3)", b"12345678" * 3),
        npy("(2, 2)", b"12345678" * 3),
        npy("(1, 1)", b"", "<U1000000000"),
        npy("(" * 100),
        npy("('a',)"),
        b"\x93NUMPY\x03\x00",
        b"\x93NUMPY",
        b"",
    ],
)
def test_shapes_that_a_member_does_not_hold(tmp_path, member):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("T.npy", member)
        with archive.open("sources.npy", "w") as stream:
            np.save(stream, np.array(["A"]))
    with pytest.raises(InvalidFileError, match=r"readable \.npz archive"):
        read_samples(tmp_path / "a.npz")


def test_arrays_that_are_too_large_together(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", sources=np.array(["A"]), T=np.zeros((1, 9999)))
    monkeypatch.setattr("taskonomy.files.MAX_BYTES", 9999)
    with pytest.raises(InvalidFileError, match="9,999"):
        read_samples(tmp_path / "a.npz")


def test_a_pipe_of_samples_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(InvalidFileError, match="regular file"):
        read_samples(tmp_path / "a.npz")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("code", [0x110000, 0xFFFFFFFF, 0xD800])
def test_names_of_samples_are_unicode(tmp_path, order, code):
    names = np.array([0x41, code], dtype=f"{order}u4").view(f"{order}U1")
    np.savez(tmp_path / "a.npz", sources=names, T=np.zeros((2, 3)))
    with pytest.raises(InvalidFileError, match="not Unicode"):
        read_samples(tmp_path / "a.npz")


def test_records_are_no_samples(tmp_path):
    records = np.zeros((1, 3), dtype=[("a", "f4"), ("b", "f4")])
    np.savez(tmp_path / "a.npz", sources=np.array(["A"]), T=records)
    with pytest.raises(InvalidFileError, match="holds records"):
        read_samples(tmp_path / "a.npz")


def test_samples_that_are_no_archive(tmp_path):
    path = tmp_path / "a.npz"
    for content in (b"", b"nonsense", b"PK\x03\x04nonsense"):
        path.write_bytes(content)
        with pytest.raises(InvalidFileError, match=r"readable \.npz archive"):
            read_samples(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(InvalidFileError, match=r"readable \.npz archive"):
        read_samples(path.with_suffix(".npy"))


def test_numbers(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("CUB: 2\nAID: 0.5\n")
    assert read_numbers(path, {"CUB", "AID", "DTD"}) == {"CUB": 2.0, "AID": 0.5}
    path.write_text("CUBB: 2\nAID: -1\nDTD: many\nUSPS: .inf\nFMD: true\nSVHN: 1.0e+308\n")
    with pytest.raises(InvalidFileError) as caught:
        read_numbers(path, {"CUB", "AID", "DTD", "USPS", "FMD", "SVHN"})
    assert caught.value.faults == [
        "line 1: unknown task 'CUBB'. Did you mean 'CUB'?",
        "line 2: 'AID' must be a number, 0 or more (got '-1')",
        "line 3: 'DTD' must be a number, 0 or more (got 'many')",
        "line 4: 'USPS' must be a number, 0 or more (got 'inf')",
        "line 5: 'FMD' must be a number, 0 or more (got 'True')",
        "line 6: 'SVHN' must be at most 1e+100 (got '1e+308')",
    ]
    path.write_text("- CUB\n")
    with pytest.raises(InvalidFileError, match=r"CUB: 2\.0"):
        read_numbers(path, {"CUB"})
