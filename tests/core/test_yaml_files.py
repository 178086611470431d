"""YAML with line numbers: what is read, what is refused, and which line is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, StrictInt, ValidationError

from benchmark.core import yaml_files as faults
from benchmark.core.errors import InvalidFileError
from benchmark.core.yaml_files import Document, parse, read_document

HERE = Path("a.yaml")


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: StrictInt


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    parts: list[Inner] = []


def refusal(text: str) -> list[str]:
    with pytest.raises(InvalidFileError) as caught:
        parse(HERE, text).refuse()
    return caught.value.faults


def validated(text: str) -> list[str]:
    document = parse(HERE, text)
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document.value)
    return [str(fault) for fault in document.validation_faults(caught.value, Outer)]


def test_plain_values_are_those_of_yaml() -> None:
    text = (
        "a: 1\nb: 1.5\nc: true\nd: null\ne: 'x'\nf: [1, {g: 2}]\nh: 2020-01-01\ni: 1e-5\nj: '1e-5'"
    )
    assert parse(HERE, text).value == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "x",
        "f": [1, {"g": 2}],
        "h": "2020-01-01",
        "i": 1e-5,
        "j": "1e-5",
    }


def test_keys_are_text_even_when_they_look_otherwise() -> None:
    assert parse(HERE, "no: 1\n7: 2").value == {"no": 1, "7": 2}


def test_duplicate_keys_are_found_at_every_depth_with_both_lines() -> None:
    assert refusal("a:\n  b: 1\n  c: 2\n  b: 3\na: 4\n") == [
        "line 4: key 'b' is already on line 2. Keep one of the two.",
        "line 5: key 'a' is already on line 1. Keep one of the two.",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1\n", 2), ("a: 1\n b: 2\n", 2), ("a: 'x\n", 2), ("a: 1\n---\nb: 2\n", 2), ("a: \0", 1)],
)
def test_syntax_errors_name_a_line(text: str, line: int) -> None:
    (fault,) = refusal(text)
    assert fault.startswith(f"line {line}: ")


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!mine {}"]
)
def test_tags_are_refused_and_nothing_runs(tag: str) -> None:
    (fault,) = refusal(f"a: 1\nb: {tag}\n")
    assert fault.startswith("line 2: tag '!")


def test_an_explicit_tag_that_does_not_fit_is_a_fault() -> None:
    assert refusal("a: !!int text") == [
        "line 1: 'text' is not of type int. Remove the tag or quote the text."
    ]
    assert refusal("a: " + "9" * 5000)[0].startswith("line 1: '999")


def test_aliases_are_refused_so_no_bomb_can_grow() -> None:
    levels = [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 9)]
    found = refusal("\n".join(["x0: &x0 [lol]", *levels]))
    assert found[0].startswith("line 2: alias '*x0'")
    assert refusal("a: &a [*a]")[0].startswith("line 1: alias")


@pytest.mark.parametrize("loader", [yaml.SafeLoader, faults._LOADER])
def test_deep_nesting_is_refused_before_anything_is_built(
    loader: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "_LOADER", loader)
    (fault,) = refusal("[" * 500 + "]" * 500)
    assert fault.startswith("line 1: more than 32 levels")


def test_many_faults_are_counted_not_all_listed() -> None:
    found = refusal("a: 1\n" * 200)
    assert len(found) == faults.MAX_LISTED + 1
    assert found[-1] == "and 99 more. Correct these first."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"# only a comment\n", "the file is empty"),
        (b"a: 1\nb: \xff", "line 2: not UTF-8: byte 0xff. Save the file as UTF-8."),
        (b"#" * (faults.MAX_BYTES + 1), "larger than 1,000,000 bytes. Split the file."),
    ],
)
def test_unusable_files(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidFileError) as caught:
        read_document(path)
    assert caught.value.faults == [sentence]


def test_missing_file_folder_and_impossible_path(tmp_path: Path) -> None:
    with pytest.raises(InvalidFileError, match="no such file"):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(InvalidFileError, match="folder"):
        read_document(tmp_path)
    with pytest.raises(InvalidFileError, match="not readable"):
        read_document(Path("a\0b"))


def test_a_byte_order_mark_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_document(path).value == {"a": 1}


def test_validation_faults_name_lines_and_near_keys() -> None:
    assert validated("titel: x\nparts:\n  - width: wide\n  - {}\n  - widht: 1\n    width: 2\n") == [
        "line 1: missing 'title'",
        "line 3: 'width' must be a whole number (got 'wide').",
        "line 4: missing 'width'",
        "line 5: unknown field 'widht'. Did you mean 'width'?",
        "line 1: unknown field 'titel'. Did you mean 'title'?",
    ]


def test_validation_of_something_that_is_no_mapping() -> None:
    assert validated("[1, 2]") == ["line 1: 'file' must be a mapping (got a list of 2)."]
    assert validated("title: 5") == ["line 1: 'title' must be text (got 5). Put it in quotes."]


def test_refuse_is_silent_without_faults() -> None:
    Document(HERE).refuse()


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        document = parse(HERE, text)
    except InvalidFileError:
        return
    assert document.lines[()] >= 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda children: st.lists(children) | st.dictionaries(st.text(), children),
        max_leaves=10,
    )
)
def test_what_yaml_writes_is_read_back(value: object) -> None:
    if value is not None:
        text = yaml.safe_dump(value, default_style='"', allow_unicode=False)
        read = parse(HERE, text)
        assert not [fault for fault in read.faults if "already" in fault.text]


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000, "1" + ":1" * 5000, "9" * 401])
def test_numbers_of_many_digits_are_faults(number):
    (fault,) = parse(HERE, f"a: 1\nb: {number}").faults
    assert fault.line == 2


@pytest.mark.parametrize("one", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_in_every_notation(one):
    with pytest.raises(InvalidFileError):
        parse(HERE, one * 100_000)
