"""Tables from rewards that were measured elsewhere."""

from pathlib import Path

import numpy as np
import pytest

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.core.errors import InvalidFileError, InvalidInputError, UnknownNameError
from benchmark.rewards import importing
from benchmark.rewards.storage import read_table
from benchmark.space import Parameter, ParameterSpace
from benchmark.tasks.vectors import write_embeddings

SPACE = """\
schema: 1
parameters:
  - {name: fog, levels: [none, thin, thick]}
  - {name: camera, levels: [near, far]}
"""
HEADER = "task,configuration,seed,reward,n_test\n"


def lines(task: str = "EuroSAT", factor: float = 1) -> str:
    """Rewards of all configurations of :data:`SPACE`, two seeds."""
    return "".join(
        f"{task},{fog}{camera},{seed},{factor * (10 * fog + 3 * camera + seed + 1)},100\n"
        for fog in range(3)
        for camera in range(2)
        for seed in (3, 1)
    )


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    return path


@pytest.fixture
def imported(tmp_path: Path, space: Path):
    """Import a text as a CSV file, and return the rewards."""

    def do(content: str | bytes, **given):
        path = tmp_path / "rewards.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        given = {"protocol": "linear", "space": space} | given
        return t2s.import_table(path, tmp_path / "out", **given).rewards

    return do


def test_a_frame_is_imported_as_it_was(small_table, tmp_path):
    vectors = tmp_path / "vectors.safetensors"
    write_embeddings(small_table.embeddings, vectors)
    frame = t2s.load_table(Path(__file__).parents[1] / "data" / "small-table").to_frame()
    made = t2s.import_table(frame, tmp_path / "out", protocol="knn5", embeddings=vectors)
    again = read_table(tmp_path / "out")
    assert again.tasks == small_table.tasks
    np.testing.assert_array_equal(again.values, small_table.values)
    np.testing.assert_array_equal(again.n_test, small_table.n_test)
    np.testing.assert_array_equal(again.embeddings.vectors, small_table.embeddings.vectors)
    assert again.id == "out"
    assert made.rewards.digest == again.digest
    assert t2s.fit("nearest-task", table=made).select(vectors)


def test_a_space_of_ones_own(imported):
    table = imported(HEADER + lines())
    assert table.space.shape == (3, 2)
    assert table.seeds == (1, 3)
    assert table.protocol == "linear"
    assert table.reward("EuroSAT", table.space.parse("fog=thick,camera=far")) == 26.0
    assert table.card.notes[-1].startswith("Imported from rewards.csv")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
        lambda text: text.replace(",", ";").replace(".0;", ",0;"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace("\n", "\n\n") + "\n\n",
        lambda text: "\n".join(f"{i},{line}" for i, line in enumerate(text.splitlines()))[1:],
        lambda text: text.replace(",3,", ",3.0,"),
    ],
    ids=["windows", "semicolons", "tabs", "blank lines", "index", "float seeds"],
)
def test_forms_of_csv(imported, change):
    text = HEADER + lines(factor=1.0)
    plain = imported(text)
    assert imported(change(text)).digest == plain.digest


def test_columns_per_parameter(imported):
    plain = imported(HEADER + lines())
    rows = [line.split(",") for line in lines().splitlines()]
    names = ("none", "thin", "thick")
    text = "task,fog,camera,seed,reward,n_test\n" + "".join(
        f"{task},{names[int(bits[0])]},{bits[1]},{rest}\n"
        for task, bits, rest in ((r[0], r[1], ",".join(r[2:])) for r in rows)
    )
    assert imported(text).digest == plain.digest


def test_one_seed_and_registered_test_images(imported):
    text = "task,configuration,reward\n" + "".join(
        f"EuroSAT,{fog}{camera},50\n" for fog in range(3) for camera in range(2)
    )
    table = imported(text)
    assert table.seeds == (0,)
    assert table.n_test.tolist() == [8100]


FAULTS = {
    "EuroSAT,012,1,5,100": "2 digits",
    "EuroSAT,0,1,5,100": "leading zeros",
    "EuroSAT,30,1,5,100": "30",
    "EuroSAT,fog=thik,1,5,100": "thick",
    "EuroSAT,fgo=thin,1,5,100": "fog",
    "EuroSAT,00,1,n/a,100": "n/a",
    "EuroSAT,00,1,nan,100": "nan",
    "EuroSAT,00,1,,100": "reward is empty",
    "EuroSAT,00,1,100.5,100": "100.5",
    "EuroSAT,00,1,-1,100": "-1",
    'EuroSAT,00,1,"5,5",100': "5,5",
    "EuroSAT,00,x,5,100": "seed",
    "EuroSAT,00,-1,5,100": "seed",
    "EuroSAT,00,1,5,0": "n_test",
    "EuroSAT,00,1,5,99": "n_test",
    ",00,1,5,100": "task is empty",
    "EuroSAT,00,1,5": "4 fields",
    "EuroSAT,00,3,5,100": "line 2",
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault_is_named_with_its_line(imported, tmp_path, line):
    with pytest.raises(InvalidFileError, match="line 14") as caught:
        imported(HEADER + lines() + line + "\n")
    assert FAULTS[line] in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_all_faults_at_once_in_the_order_of_lines(imported):
    bad = "EuroSAT,00,1,x,100\nEuroSAT,99,1,5,100\n"
    with pytest.raises(InvalidFileError) as caught:
        imported(HEADER + bad + lines() + bad)
    places = [fault.partition(":")[0] for fault in caught.value.faults]
    assert places[:2] == ["line 2", "line 3"]
    assert places[-2:] == ["line 16", "line 17"]
    with pytest.raises(InvalidFileError, match="and 129 more"):
        imported(HEADER + bad * 50)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("tsk,configuration,seed,rewards\n", ["no rows"]),
        ("", ["no rows"]),
        ("tsk,configuration,seed,rewards\na,00,1,2\n", ["'task'", "'tsk'", "'reward'"]),
        ("task,fog,seed,reward\na,none,1,2\n", ["'camera'"]),
        ("task,task,configuration,reward\na,a,00,2\n", ["2 times"]),
        ("task,configuration,reward\nEuroSTA,00,2\n", ["EuroSTA", "EuroSAT", "n_test"]),
        (HEADER + lines(factor=0.01), ["percent"]),
        (b"\xff\xfet\x00a\x00", ["UTF-8"]),
        (
            "task,configuration,fog,camera,reward\nEuroSAT,00,thin,near,2\n",
            ["line 2", "'00'", "10"],
        ),
    ],
)
def test_faults_of_the_whole_file(imported, text, facts):
    with pytest.raises(InvalidFileError) as caught:
        imported(text)
    for fact in facts:
        assert fact in str(caught.value)


def test_numbers_of_rows_are_limited(imported, monkeypatch):
    monkeypatch.setattr(importing, "_MOST_ROWS", 5)
    with pytest.raises(InvalidFileError, match="more than 5 rows"):
        imported(HEADER + lines())


def test_missing_rewards_are_named(imported, tmp_path):
    text = HEADER + "\n".join((lines() + lines("AID")).splitlines()[:-3])
    with pytest.raises(InvalidInputError, match="AID: 3 of 12") as caught:
        imported(text)
    assert "20 seed 3" in str(caught.value) or "20 seed 1" in str(caught.value)
    assert "EuroSAT" not in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert np.isnan(imported(text, with_gaps=True).values).sum() == 3


def test_another_table_is_not_replaced(imported):
    imported(HEADER + lines())
    imported(HEADER + lines(), title="The same rewards")
    with pytest.raises(InvalidInputError, match="another table"):
        imported(HEADER + lines(factor=2))


def test_references(imported, tmp_path):
    path = tmp_path / "references.csv"
    header = "task,reference,seed,reward\n"
    path.write_text(header + "EuroSAT,untrained,1,7\nEuroSAT,untrained,3,8\n")
    table = imported(HEADER + lines(), references=path)
    assert table.card.references == {"untrained": {"EuroSAT": [7.0, 8.0]}}
    for rows, fact in (
        ("EuroSAT,untrained,1,7\n", "seed 3"),
        ("EuroSAT,untraind,1,7\n", "untrained"),
        ("AID,untrained,1,7\n", "AID"),
        ("EuroSAT,untrained,1,7\nEuroSAT,untrained,3,8\nEuroSAT,untrained,5,8\n", "5"),
    ):
        path.write_text(header + rows)
        with pytest.raises(InvalidFileError, match=fact):
            imported(HEADER + lines(), references=path)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("parameters: [{name: fog, levels: [none]}]", "2 to"),
        ("parameters: [{name: Fog, levels: [a, b]}]", "Fog"),
        ("parameters: [{name: fog, levels: [1, 2]}]", "line 1"),
        ("parameter: [{name: fog, levels: [a, b]}]", "parameters"),
        ("parameters: []", "parameter"),
    ],
)
def test_a_space_with_faults(imported, space, text, fact):
    space.write_text(text)
    with pytest.raises(InvalidFileError, match=fact):
        imported(HEADER + lines())


def test_a_space_states_its_most_varied_level(imported, space):
    space.write_text(SPACE.replace("thick]}", "thick], most_varied: thin}"))
    table = imported(HEADER + lines())
    assert str(table.space.most_varied) == "11"
    model = t2s.fit("domain-randomization", table=table)
    assert str(model.select({"mine": [1.0]})["mine"]) == "11"
    space.write_text(SPACE.replace("thick]}", "thick], most_varied: thik}"))
    with pytest.raises(InvalidFileError, match="thick"):
        imported(HEADER + lines())


def test_a_space_object_and_unknown_names(imported):
    own = ParameterSpace(
        (Parameter("fog", ("none", "thin", "thick")), Parameter("camera", ("near", "far")))
    )
    assert imported(HEADER + lines(), space=own).space == own
    with pytest.raises(UnknownNameError, match="knn5"):
        imported(HEADER + lines(), protocol="knn")
    with pytest.raises(InvalidInputError, match="my-table"):
        imported(HEADER + lines(), name="My Table")


def test_the_command(tmp_path, space, capsys):
    (tmp_path / "rewards.csv").write_text(HEADER + lines().replace(",12,100", ",12.005,100"))
    words = ["table", "import", "rewards.csv", "--space", "space.yaml", "--protocol", "linear"]
    assert main([*words, "-o", "mine", "--title", "Mine", "--licence", "CC0"]) == 0
    printed = capsys.readouterr()
    assert "1 tasks x 6 configurations x 2 seeds" in printed.out
    assert "n_test" in printed.err
    assert main(["table", "show", "./mine"]) == 0
    assert "Mine" in capsys.readouterr().out
    assert main(["table", "effects", "./mine"]) == 0
    assert "fog" in capsys.readouterr().out
    assert main([*words[:3], "-o", "mine"]) == 2
    assert "--protocol" in capsys.readouterr().err
