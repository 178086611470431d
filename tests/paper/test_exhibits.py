import csv
import subprocess
import sys

import pytest

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.core.errors import InvalidFileError, UnavailableError
from benchmark.paper.differences import task_differences
from benchmark.paper.experiments import EXPERIMENTS
from benchmark.paper.measurements import shipped_folder
from benchmark.rewards.card import DataEntry

FIGURES = ("fig3", "fig4", "fig6", "fig7", "fig8")


def numbers(line):
    """Numbers of a row of Markdown."""
    texts = (cell.strip(" *").replace("<u>", "").replace("</u>", "") for cell in line.split("|"))
    return [float(text) for text in texts if text.replace(".", "").isdecimal()]


@pytest.mark.parametrize("name", ["table2", "table3"])
def test_measured_and_published_averages_stand_side_by_side(folder_of, tmp_path, name):
    exhibit = t2s.paper(name, records=[folder_of(name)])
    exhibit.write(tmp_path / "out")
    page = (tmp_path / "out" / f"{name}.md").read_text()
    row = numbers(next(line for line in page.splitlines() if line.startswith("| task2sim ")))
    expected = {"table2": (30.46, 62.70, 75.34, 62.71, 76.87),
                "table3": (53.06, 79.25, 87.05, 82.05, 88.77)}[name]  # fmt: skip
    assert [row[place] for place in (1, 3, 5, 8, 10)] == list(expected)
    for ending in (".tex", ".csv", ".json", "-tidy.csv", "-tidy.parquet"):
        assert (tmp_path / "out" / f"{name}{ending}").is_file()
    assert "Imagenet" in (tmp_path / "out" / f"{name}.tex").read_text()


def test_differences_are_named(folder_of):
    lines = "\n".join(t2s.paper("table3", records=[folder_of("table3")]).differences)
    for fact in ("TrashNet for FMD", "CUB (20 classes instead of 200)", "CactusAerial",
                 "40 categories of 100 images", "95 categories of 106 images", "mini-resnet6",
                 "resnet50", "ThreeDWorld", "MiniImageNet", "table gl-mini"):  # fmt: skip
        assert fact in lines


def test_complete_data_have_no_difference_of_tasks():
    data = dict.fromkeys(("CUB", "PacsC", "PacsS", "AID", "USPS", "FMD", "CactusAerial"))
    part = DataEntry(revision="1", digest="0" * 64)
    (line,) = task_differences({**data, "ChestXPneumonia": part}, "unseen")
    assert line == "Tasks: 8 of the paper's 8."


@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_records_are_drawn(folder_of, tmp_path, name):
    paths = t2s.paper(name, records=[folder_of(name)]).write(tmp_path / "out")
    assert [path.suffix for path in paths] == [".md", ".csv", ".svg", ".png"]
    assert all(path.stat().st_size > 300 for path in paths)


def test_points_of_a_curve_are_in_order(folder_of, tmp_path):
    exhibit = t2s.paper("fig8", records=[folder_of("fig8")])
    assert [column.header for column in exhibit.tables[0].columns[1:]] == [
        "1,000", "2,000", "4,000", "8,000", "16,000"
    ]  # fmt: skip
    exhibit.write(tmp_path)
    rows = list(csv.DictReader((tmp_path / "fig8.csv").read_text().splitlines()))
    assert {row["method"] for row in rows} == set(EXPERIMENTS["fig8"].methods)
    assert len(rows) == 4 * 5 * 2


@pytest.mark.parametrize("name", ["fig5", "fig9"])
def test_figures_of_data_are_drawn(data_folder, tmp_path, name):
    exhibit = t2s.paper(name, records=[data_folder])
    exhibit.write(tmp_path / "out")
    kept = [set((folder / f"{name}.csv").read_text().splitlines())
            for folder in (data_folder, tmp_path / "out")]  # fmt: skip
    assert kept[0] == kept[1]
    assert (tmp_path / "out" / f"{name}.png").stat().st_size > 10_000
    if name == "fig9":
        assert "not prepared" in "\n".join(exhibit.differences)
        assert "blue" not in "\n".join(exhibit.differences)


def test_probabilities_of_another_edition_are_named(data_folder):
    assert "another edition" in t2s.paper("fig5", records=[data_folder]).differences[-1]
    path = data_folder / "fig5.csv"
    path.write_text(path.read_text().replace("0" * 64, t2s.load_table("gl-mini").rewards.digest))
    assert "another edition" not in t2s.paper("fig5", records=[data_folder]).differences[-1]


def test_points_without_records_are_named(folder_of):
    folder = folder_of("fig8")
    path = folder / "records.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not ('"imagenet"' in line and "images_per_class=25" in line)]
    path.write_text("".join(kept))
    assert len(kept) < len(lines)
    exhibit = t2s.paper("fig8", records=[folder])
    named = "imagenet at mini+images_per_class=25 (no records)"
    assert named in "\n".join(exhibit.differences)
    assert exhibit.draw() is not None


def test_missing_measurements_name_the_command(tmp_path, capsys):
    with pytest.raises(UnavailableError, match="--live"):
        t2s.paper("table2", records=[tmp_path])
    assert main(["paper", "table2", "--records", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "--live" in capsys.readouterr().err
    with pytest.raises(InvalidFileError, match="nowhere"):
        t2s.paper("table2", records=[tmp_path / "nowhere"])


def test_records_of_other_profiles_are_named(folder_of):
    with pytest.raises(UnavailableError, match=r"mini-95c-10k.*--profile"):
        t2s.paper("fig3", records=[folder_of("fig3")], profile="small")


def test_damaged_data_name_file_and_line(data_folder):
    path = data_folder / "fig5.csv"
    path.write_text(path.read_text().replace(",EuroSAT,seen,0,", ",EuroSAT,seen,first,", 1))
    with pytest.raises(InvalidFileError, match=r"fig5.csv[\s\S]*line \d+.*seed"):
        t2s.paper("fig5", records=[data_folder])


def test_parts_that_exist_are_shown(folder_of, tmp_path, capsys):
    words = ["--records", str(folder_of("fig3")), "-o", str(tmp_path / "out")]
    assert main(["paper", "fig3", "fig6", *words]) == 0
    captured = capsys.readouterr()
    assert "Figure 3" in captured.out
    assert "fig6" in captured.err
    assert (tmp_path / "out" / "fig3.png").is_file()


def test_tables_need_neither_torch_nor_matplotlib(folder_of, tmp_path):
    """Within 3 s on two idle cores: what takes longer are these imports."""
    program = (
        "import sys; from benchmark.cli.main import main;"
        f"code = main(['paper', 'table3', '--records', {str(folder_of('table3'))!r},"
        f" '-o', {str(tmp_path / 'out')!r}]);"
        "heavy = {'torch', 'matplotlib', 'scipy', 'sklearn', 'moderngl'};"
        "sys.exit(f'{code} {heavy & set(sys.modules)}' if code or heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_options_of_measuring_need_live(capsys):
    assert main(["paper", "table2", "--seeds", "0", "--dry-run"]) == 2
    assert "--seeds, --dry-run" in capsys.readouterr().err


def test_shipped_measurements_are_in_the_wheel():
    assert shipped_folder().name == "live"
    assert (shipped_folder() / "fig5.csv").is_file()
