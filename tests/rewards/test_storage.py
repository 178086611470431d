import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import sha256_file
from benchmark.rewards.card import Description
from benchmark.rewards.checks import table_faults
from benchmark.rewards.storage import (
    read_any_table,
    read_table,
    write_table,
)


def test_round_trip(small_table, small_table_folder: Path):
    again = read_table(small_table_folder)
    assert again.digest == small_table.digest
    np.testing.assert_array_equal(again.values, small_table.values)
    np.testing.assert_array_equal(again.embeddings.vectors, small_table.embeddings.vectors)
    assert table_faults(again) == []


def test_same_table_same_bytes(small_table, tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        write_table(
            small_table, folder, Description(title="Small", simulator="toy", simulator_version="1")
        )
    assert len(list(first.iterdir())) == 3
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes()


def test_missing_cells_survive(small_table, tmp_path: Path):
    from dataclasses import replace

    values = np.array(small_table.values)
    values[2, 7, 0] = np.nan
    write_table(
        replace(small_table, values=values),
        tmp_path / "t",
        Description(title="x", simulator="toy", simulator_version="1"),
    )
    again = read_table(tmp_path / "t")
    assert np.isnan(again.values[2, 7, 0])
    assert table_faults(again) == ["coverage: 1 of 2048 cells are missing"]


@pytest.mark.parametrize("keep", [0, 10, 1000])
def test_a_truncated_parquet_file_is_one_sentence(small_table_folder: Path, keep: int):
    path = small_table_folder / "rewards.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InvalidFileError, match=r"rewards\.parquet is damaged or was changed"):
        read_table(small_table_folder)


def test_a_truncated_parquet_file_whose_card_was_adapted_is_still_refused(small_table_folder: Path):
    path = small_table_folder / "rewards.parquet"
    path.write_bytes(path.read_bytes()[:1000])
    _edit_card(small_table_folder, rewards_sha256=sha256_file(path))
    with pytest.raises(InvalidFileError, match=r"rewards\.parquet: "):
        read_table(small_table_folder)


def test_a_wrong_digest_is_said(small_table_folder: Path):
    _edit_card(small_table_folder, digest="0" * 64)
    with pytest.raises(InvalidFileError, match=r"content digest is .* but the card says 0000"):
        read_table(small_table_folder)


def test_changed_n_test_breaks_the_digest(small_table_folder: Path):
    card = json.loads((small_table_folder / "card.json").read_text())
    card["tasks"][0]["n_test"] = 999
    (small_table_folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(InvalidFileError, match="content digest"):
        read_table(small_table_folder)


def test_all_faults_of_a_card_come_at_once(small_table_folder: Path):
    _edit_card(small_table_folder, protocoll="knn5", seeds="none", digest="short")
    with pytest.raises(InvalidFileError) as caught:
        read_table(small_table_folder)
    assert len(caught.value.faults) == 3


def test_embeddings_are_verified_and_never_unpickled(small_table_folder: Path):
    path = small_table_folder / "embeddings.safetensors"
    path.write_bytes(pickle.dumps({"evil": 1}))
    with pytest.raises(InvalidFileError, match="damaged or was changed"):
        read_table(small_table_folder)
    card = json.loads((small_table_folder / "card.json").read_text())
    card["embeddings"]["file_sha256"] = sha256_file(path)
    (small_table_folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(InvalidFileError, match="not a readable safetensors file"):
        read_table(small_table_folder)


def test_no_folder_and_no_card_are_said(tmp_path: Path):
    with pytest.raises(InvalidInputError, match="not a folder"):
        read_any_table(tmp_path / "absent")
    with pytest.raises(InvalidFileError, match=r"card\.json"):
        read_any_table(tmp_path)


def test_ranges_and_integrality_are_checked(small_table):
    from dataclasses import replace

    values = np.array(small_table.values)
    values[0, 0, 0] = 101
    values[1, 0, 0] = 33.3333
    faults = table_faults(replace(small_table, values=values))
    assert faults == [
        f"range: 1 accuracies of {small_table.tasks[0]} lie outside 0 to 100 percent, such as 101",
        "integrality: 1 accuracies of EuroSAT are no multiple of 1/400",
    ]


@pytest.mark.parametrize("value", [-0.25, 100.25, np.inf, -np.inf, 1e308, -1e-300])
def test_sealed_but_impossible_values_are_faults(small_table, tmp_path: Path, value, monkeypatch):
    from dataclasses import replace

    from benchmark.rewards import storage

    values = np.array(small_table.values)
    values[1, 0, 0], values[2, 0, 0] = value, np.nan
    table = replace(small_table, values=values)
    about = Description(title="Small", simulator="toy", simulator_version="1")
    with pytest.raises(InvalidInputError, match=f"range: 1 .*{small_table.tasks[1]}"):
        write_table(table, tmp_path / "table", about)
    assert not (tmp_path / "table").exists()
    with monkeypatch.context() as patch:
        patch.setattr(storage, "range_faults", lambda _table: [])
        for name in ("task_noise", "split_half_reliability"):
            patch.setattr(storage, name, lambda *_arguments: None)
        write_table(table, tmp_path / "table", about)
    with pytest.raises(InvalidFileError, match=f"range: 1 .*{small_table.tasks[1]}"):
        read_table(tmp_path / "table")


@pytest.mark.parametrize("value", [140.25, -1, 1e308, np.nan, np.inf])
def test_impossible_references_are_faults_of_the_card(small_table, tmp_path: Path, value):
    with_references(small_table, tmp_path / "table")
    card = json.loads((tmp_path / "table" / "card.json").read_text())
    card["references"]["untrained"]["CUB"] = [value]
    _edit_card(tmp_path / "table", **card)
    with pytest.raises(InvalidFileError, match=r"references\.untrained\.CUB"):
        read_table(tmp_path / "table")


@pytest.mark.parametrize(
    "changes",
    [
        {"space": [{"name": f"p{n}", "levels": ["0", "1"]} for n in range(64)]},
        {"space": [{"name": f"p{n}", "levels": ["0", "1"]} for n in range(50_000)]},
        {"space": [{"name": f"p{n}", "levels": ["0", "1"]} for n in range(17)]},
        {"space": [{"name": f"p{n}", "levels": [*"0123456789"]} for n in range(5)]},
        {"seeds": [*range(100_000)]},
        {"seeds": [10**30]},
        {"tasks": [{"name": "CUB", "n_test": 10**30}]},
    ],
)
def test_sizes_are_refused_from_the_card(small_table_folder: Path, changes):
    _edit_card(small_table_folder, **changes)
    with pytest.raises(InvalidFileError, match=r"card\.json"):
        read_table(small_table_folder)


def test_more_rows_than_cells_and_long_texts_are_refused_unread(small_table_folder: Path):
    import pyarrow as pa
    from pyarrow import parquet

    path = small_table_folder / "rewards.parquet"
    for name, rows in (("CUB", 100_000), ("x" * 10**6, 2000)):
        indices = pa.array(np.zeros(rows, dtype=np.int32))
        column = pa.DictionaryArray.from_arrays(indices, pa.array([name]))
        zeros = np.zeros(rows)
        content = {"task": column, "configuration": column, "seed": zeros.astype(int)}
        parquet.write_table(pa.table({**content, "accuracy": zeros}), path)
        _edit_card(small_table_folder, rewards_sha256=sha256_file(path))
        with pytest.raises(InvalidFileError, match=r"rewards\.parquet"):
            read_table(small_table_folder)


def test_an_interrupted_rewrite_leaves_no_card(small_table, small_table_folder: Path, monkeypatch):
    from benchmark.rewards import storage

    def fail(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "_write_rewards", fail)
    with pytest.raises(KeyboardInterrupt):
        write_table(
            small_table,
            small_table_folder,
            Description(title="Small", simulator="toy", simulator_version="1"),
        )
    assert not (small_table_folder / "card.json").exists()


def _edit_card(folder: Path, **changes: object) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_card_that_praises_its_table_is_caught(small_table, tmp_path: Path):
    from dataclasses import replace

    rng = np.random.default_rng(0)
    values = np.round(rng.uniform(0, 400, (*small_table.values.shape[:2], 2))) / 4
    noisy = replace(small_table, seeds=(0, 1), values=values)
    write_table(
        noisy,
        tmp_path / "noisy",
        Description(title="Noisy", simulator="toy", simulator_version="1"),
    )
    card = json.loads((tmp_path / "noisy" / "card.json").read_text())
    assert table_faults(read_table(tmp_path / "noisy")) == []
    card["tasks"][0]["reliability"] = 0.99
    card["tasks"][1]["noise"]["near_best"] = 1000
    (tmp_path / "noisy" / "card.json").write_text(json.dumps(card))
    names = [task["name"] for task in card["tasks"]]
    first, second = table_faults(read_table(tmp_path / "noisy"))
    assert first.startswith(f"card: reliability of {names[0]} is 0.99, but the rewards give ")
    assert second.startswith(f"card: near_best of {names[1]} is 1000")


def test_gaps_are_left_out_of_what_is_shown(small_table, tmp_path: Path):
    from dataclasses import replace

    from benchmark.rewards.text import table_text

    values = small_table.values.copy()
    row = values[0, :, 0]
    best = int(row.argmax())
    row[best] = np.nan
    values[1] = np.nan
    text = table_text(replace(small_table, values=values))
    lines = {line.split()[0]: line for line in text.splitlines() if line[:1].isalpha()}
    assert "nan" not in text
    assert str(small_table.space.at(int(np.nanargmax(row)))) in lines[small_table.tasks[0]]
    assert f"{np.nanmax(row):.2f}" in lines[small_table.tasks[0]]


@pytest.mark.parametrize(
    "space", [[{"name": "fog"}], [{"name": 3, "levels": ["a", "b"]}], [{"name": "f", "levels": 2}]]
)
def test_a_space_of_another_form_is_a_fault_of_the_card(small_table_folder: Path, space):
    path = small_table_folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "space": space}))
    with pytest.raises(InvalidFileError, match="space: "):
        read_table(small_table_folder)


def with_references(small_table, folder: Path, change=lambda rows: None):
    """The small table with a reference row, whose rows ``change`` may damage."""
    rows = {task: [25.0] for task in small_table.tasks}
    change(rows)
    return write_table(
        small_table,
        folder,
        Description(
            title="Small", simulator="toy", simulator_version="1", references={"untrained": rows}
        ),
    )


def test_references_are_part_of_the_digest(small_table, tmp_path: Path):
    table = with_references(small_table, tmp_path / "one")
    other = with_references(small_table, tmp_path / "two", lambda rows: rows.update(CUB=[25.25]))
    assert table_faults(table) == table_faults(other) == []
    assert len({table.digest, other.digest, small_table.digest}) == 3
    card = tmp_path / "one" / "card.json"
    card.write_text(card.read_text().replace('"CUB":[25.0]', '"CUB":[95.0]'))
    with pytest.raises(InvalidFileError, match="content digest"):
        read_table(tmp_path / "one")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([25.1], "integrality: reference untrained of CUB is no multiple of 1/400"),
        ([25.0, 25.0], "coverage: reference untrained has 2 accuracies of CUB for 1 seeds"),
        (None, "coverage: reference untrained has 0 accuracies of CUB"),
    ],
)
def test_references_are_held_to_what_rewards_are(small_table, tmp_path: Path, values, says):
    def change(rows):
        rows.update(CUB=values) if values else rows.pop("CUB")

    (fault,) = table_faults(with_references(small_table, tmp_path / "table", change))
    assert fault.startswith(says)
