"""``t2sbench table effects`` at the command line."""

import json
import re

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.rewards.effects import main_effects
from benchmark.rewards.storage import Description, read_table, write_table
from benchmark.rewards.table import RewardTable
from benchmark.space import Parameter, ParameterSpace


def numbers_of(line: str) -> list[float]:
    return [float(found) for found in re.findall(r"[+-]\d+\.\d+", line)]


def test_every_task_has_its_line(small_table, small_table_folder, capsys):
    assert main(["table", "effects", str(small_table_folder)]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    found = main_effects(small_table)
    for task, values in zip(found.tasks, found.values, strict=True):
        assert numbers_of(lines[task]) == pytest.approx(values, abs=0.0051)
    assert numbers_of(lines["mean"]) == pytest.approx(found.values.mean(axis=0), abs=0.0051)


def test_a_table_agrees_with_itself(small_table, small_table_folder, capsys):
    folder = str(small_table_folder)
    assert main(["table", "effects", folder, "--against", folder]) == 0
    lines = capsys.readouterr().out.splitlines()
    for setting in small_table.space.names:
        (line,) = [line for line in lines if line.startswith(setting)]
        assert line.endswith("+0.00 [+0.00, +0.00]")
    for task in small_table.tasks:
        assert f"{task} 1.00" in [" ".join(line.split()) for line in lines]


def test_tables_and_saved_effects_are_compared_with_another(
    small_table, small_table_folder, tmp_path, capsys
):
    folder = str(small_table_folder)
    assert main(["table", "effects", folder, "--format", "json"]) == 0
    saved = tmp_path / "first-edition.json"
    saved.write_text(capsys.readouterr().out)
    words = ["table", "effects", str(saved), folder, "--against", folder, "--split", "unseen"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "first-edition" in text
    assert "3 common tasks" in text
    assert main([*words, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tasks"] == list(small_table.tasks[5:])
    assert [table["table"] for table in found["tables"]] == ["first-edition", small_table.id]
    for table in found["tables"]:
        assert [entry["setting"] for entry in table["settings"]] == list(small_table.space.names)
        assert table["r_main"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "words",
    [["--split", "seen"], ["gl-mini", "--format", "json"]],
)
def test_options_that_do_not_fit_are_refused(words, capsys):
    assert main(["table", "effects", "gl-mini", *words]) == 2
    assert "--against" in capsys.readouterr().err


def test_the_ladder_has_a_line_per_task(small_table, small_table_folder, capsys):
    assert main(["table", "ladder", str(small_table_folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(any(line.startswith(task) for line in lines) for task in small_table.tasks)
    assert main(["table", "ladder", str(small_table_folder), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert list(dict.fromkeys(row["task"] for row in rows)) == [*small_table.tasks, "mean"]


def test_weak_effects_are_in_brackets(tmp_path, capsys):
    space = ParameterSpace((Parameter("fog", ("off", "on")), Parameter("rain", ("off", "on"))))
    rng = np.random.default_rng(0)
    strong = np.array([30.0, 30.0, 60.0, 60.0])[None, :, None]
    values = np.round(strong + rng.normal(size=(1, 4, 3)))
    table = RewardTable("w", space, ("USPS",), (0, 1, 2), values, [100], "knn5", "mini")
    write_table(
        table, tmp_path / "w", Description(title="Weather", simulator="toy", simulator_version="1")
    )
    assert main(["table", "effects", str(tmp_path / "w")]) == 0
    (line,) = [row for row in capsys.readouterr().out.splitlines() if row.startswith("USPS")]
    assert re.search(r"USPS +\+(29|30|31)\.\d\d +\([+-]\d\.\d\d\)", line), line


def test_unknown_effects_are_dashes(tmp_path, capsys):
    space = ParameterSpace((Parameter("fog", ("off", "on")),))
    values = np.array([[[50.0], [np.nan]]])
    table = RewardTable("gap", space, ("USPS",), (0,), values, [100], "knn5", "mini")
    write_table(
        table, tmp_path / "gap", Description(title="Gap", simulator="toy", simulator_version="1")
    )
    assert main(["table", "effects", str(tmp_path / "gap")]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^USPS +- +-$", text, re.MULTILINE)
    assert "nan" not in text


def test_other_settings_cannot_be_held_against_these(small_table_folder, tmp_path, capsys):
    space = ParameterSpace((Parameter("fog", ("off", "on")),))
    values = np.array([[[50.0], [51.0]]])
    table = RewardTable("other", space, ("USPS",), (0,), values, [100], "knn5", "mini")
    write_table(
        table,
        tmp_path / "other",
        Description(title="Other", simulator="toy", simulator_version="1"),
    )
    words = ["table", "effects", str(small_table_folder), "--against", str(tmp_path / "other")]
    assert main(words) == 2
    printed = capsys.readouterr().err
    assert "other: fog" in printed
    assert "focus_blur" in printed


def test_a_picture_of_another_kind_is_refused_before_any_work(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert main(["table", "effects", "no-such-table", "--plot", "effects.gif"]) == 2
    assert ".svg or .png" in capsys.readouterr().err


@pytest.mark.parametrize("compared", [False, True])
def test_the_picture_is_written(compared, small_table_folder, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    folder, target = str(small_table_folder), tmp_path / "effects.svg"
    words = ["table", "effects", folder, *(["--against", folder] if compared else [])]
    assert main([*words, "--plot", str(target)]) == 0
    first = target.read_bytes()
    assert main([*words, "--plot", str(target)]) == 0
    assert target.read_bytes() == first
    assert read_table(small_table_folder).tasks  # untouched
    assert str(target) in capsys.readouterr().err
