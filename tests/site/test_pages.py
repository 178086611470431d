"""Pages of a site without a browser: links, data, escaping, sizes."""

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pytest

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.rewards.catalog import DEFAULT_TABLE, load_table
from benchmark.space import Parameter, ParameterSpace

ROOT = Path(__file__).parents[2]
HOSTILE = (
    '<script>alert("x")</script>',
    "../../../../etc/passwd",
    "=1+1|`*_\x1b[31m",
    "Ä ö/ü#?%",
    " ",
)


class Page(HTMLParser):
    """Links, identifiers and elements of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.sources: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "a" and "href" in values:
            self.links.append((str(values["href"]), str(values.get("rel"))))
        elif "href" in values or "src" in values:
            self.sources.append(str(values.get("href") or values.get("src")))

    def handle_data(self, data: str) -> None:
        self.text += data

    def elements(self, tag: str) -> list[dict[str, str | None]]:
        return [values for name, values in self.tags if name == tag]


@pytest.fixture(scope="session")
def pages(site) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def dead_links(pages: dict[Path, Page]) -> list[str]:
    """Relative links and sources of pages that lead nowhere."""
    dead = []
    for path, page in pages.items():
        for target in [link for link, _ in page.links] + page.sources:
            parts = urlsplit(target)
            if parts.scheme:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            names = pages[file].ids if file in pages else []
            # The script of a page of configurations reads their names from the address.
            is_state = "configurations" in file.parts
            if not file.is_file() or (
                parts.fragment and not is_state and parts.fragment not in names
            ):
                dead.append(f"{path.name}: {target}")
    return dead


def test_every_kind_of_page_is_there(site):
    for name in (
        "index.html",
        "boards/gl-mini/knn5/unseen.html",
        "boards/gl-mini/knn5/leave-one-task-out-budget.html",
        "boards/mini/knn5/seen.html",
        "tasks.html",
        "tasks/EuroSAT.html",
        "methods.html",
        "methods/task2sim.html",
        "configurations/paper.html",
        "configurations/paper/01101101.webp",
        "paper.html",
    ):
        assert (site / name).is_file(), name


def test_links_lead_somewhere(pages):
    assert dead_links(pages) == []


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for page in pages.values():
        assert [source for source in page.sources if urlsplit(source).scheme] == []
        assert all("noreferrer" in rel for link, rel in page.links if urlsplit(link).scheme)
    style = (site / "site.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_pages_are_well_formed(pages):
    for path, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), path
        assert len(page.elements("h1")) == 1, path
        assert all("alt" in image for image in page.elements("img")), path
        assert all(cell.get("scope") for cell in page.elements("th")), path
        assert page.elements("html") == [{"lang": "en"}], path


def test_every_configuration_has_a_picture_of_the_simulators_version(site):
    card = load_table(DEFAULT_TABLE).card
    folder = ROOT / "leaderboards" / "sheets" / f"{card.simulator}-{card.simulator_version}"
    assert len(list(folder.glob("*.webp"))) == 256
    assert json.loads((folder / "sheets.json").read_text())["space"] == card.space
    assert len(list((site / "configurations" / "paper").glob("*.webp"))) == 256


def test_boards_of_changed_profiles_are_on_the_overview_and_not_on_pages_of_tasks(site):
    changed = sorted((site / "boards").glob("*+*/*/*.html"))
    assert changed
    overview = unquote((site / "index.html").read_text())
    for path in changed:
        link = path.relative_to(site).as_posix()
        assert overview.count(link) == 1
        with path.with_suffix(".csv").open() as stream:
            averages = [float(row["average"]) for row in csv.DictReader(stream)]
        line = next(line for line in overview.splitlines() if link in line)
        assert all(f"<td>{average:.2f}</td>" in line for average in averages)
    for page in [*(site / "tasks").glob("*.html"), *(site / "methods").glob("*.html")]:
        assert "boards/mini+" not in unquote(page.read_text())


def test_the_site_is_small(site):
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) <= 3 * 2**20


def test_numbers_of_a_board_are_those_of_its_csv_file(site):
    text = (site / "boards/gl-mini/knn5/unseen.csv").read_text()
    committed = (ROOT / "leaderboards/gl-mini/knn5/unseen.csv").read_text()
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(text))}
    for row in csv.DictReader(io.StringIO(committed)):
        assert rows[row["method"]]["regret"] == row["regret"]
        assert rows[row["method"]]["rank"] == row["rank"]


def test_effects_of_a_task_are_those_of_the_api(site):
    rows = list(csv.DictReader(io.StringIO((site / "tasks/EuroSAT-effects.csv").read_text())))
    found = {
        r["setting"]: float(r["points"])
        for r in rows
        if (r["table"], r["kind"]) == (DEFAULT_TABLE, "main")
    }
    assert len(found) == 8
    table = load_table(DEFAULT_TABLE)
    means = table.means[table.row("EuroSAT")].reshape([2] * 8)
    for place, name in enumerate(table.space.names):
        on, off = means.take(1, axis=place).mean(), means.take(0, axis=place).mean()
        assert found[name] == pytest.approx(on - off, abs=1e-3)


def test_equal_records_make_equal_pages(write_records, make_record, tmp_path):
    records = [
        make_record(m, t, 0, v) for m, v in (("one", 50.0), ("two", 45.0)) for t in ("CUB", "AID")
    ]
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, listed in zip(folders, (records, records[::-1]), strict=True):
        t2s.build_site(write_records(listed), folder)
    files = sorted(p.relative_to(folders[0]) for p in folders[0].rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(folders[1]) for p in folders[1].rglob("*") if p.is_file())
    for name in files:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_labels_cannot_leave_the_folder_or_add_elements(write_records, make_record, tmp_path):
    records = [
        make_record(label, task, 0, 50.0 + number, protocol=HOSTILE[0], source_id=HOSTILE[1])
        for number, label in enumerate(HOSTILE)
        for task in ("CUB", "AID")
    ]
    folder = tmp_path / "outer" / "site"
    files = t2s.build_site(write_records(records), folder)
    assert all(path.resolve().is_relative_to(folder.resolve()) for path in files.written)
    assert [path.name for path in folder.parent.iterdir()] == ["site"]
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html")}
    assert dead_links(pages) == []
    for path, page in pages.items():
        kinds = {values.get("type") for values in page.elements("script") if "src" not in values}
        assert kinds <= {"application/json"}, path
        assert "alert(" not in "".join(
            str(v) for _, values in page.tags for n, v in values.items() if n.startswith("on")
        )
    (methods,) = [page for path, page in pages.items() if path.name == "methods.html"]
    assert HOSTILE[0] in methods.text


def test_a_space_of_other_levels_has_pages(write_records, tmp_path):
    space = ParameterSpace(
        (Parameter("fog", ("none", "thin", "thick")), Parameter("light", ("off", "on")))
    )
    rows = [
        {"task": task, "configuration": str(point), "seed": seed, "n_test": 100}
        for task in ("CUB", "AID")
        for point in space
        for seed in (0, 1)
    ]
    rewards = pd.DataFrame(rows).assign(reward=np.arange(24) + 40.0)
    t2s.import_table(rewards, tmp_path / "table", protocol="knn5", space=space, name="foggy")
    methods = ["single-best", "random"]
    records = t2s.run(methods, table=tmp_path / "table", split="leave-one-task-out", seeds=[0])
    files = t2s.build_site(
        write_records(list(records)), tmp_path / "site", tables=[tmp_path / "table"]
    )
    assert files.absent == []
    page = Page(tmp_path / "site" / "configurations" / "foggy.html")
    assert "thick" in page.text
    assert "21" in page.text
    assert dead_links({p.resolve(): Page(p) for p in (tmp_path / "site").rglob("*.html")}) == []


def test_an_unknown_table_is_named(write_records, make_record, tmp_path, capsys):
    records = write_records([make_record("one", task) for task in ("CUB", "AID")])
    words = ["--records", str(records), "-o", str(tmp_path / "site")]
    assert main(["leaderboard", "site", *words]) == 0
    assert "'toy'" in capsys.readouterr().err
    assert not (tmp_path / "site" / "configurations").exists()


def test_a_later_build_deletes_old_pages_only(write_records, make_record, tmp_path):
    folder = tmp_path / "site"
    t2s.build_site(write_records([make_record("one"), make_record("two")]), folder)
    assert (folder / "methods" / "two.html").is_file()
    (folder / "mine.txt").write_text("kept")
    t2s.build_site(write_records([make_record("one")]), folder)
    assert not (folder / "methods" / "two.html").exists()
    assert (folder / "mine.txt").read_text() == "kept"


def test_a_folder_of_other_files_is_refused(write_records, make_record, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(InvalidInputError, match="other files"):
        t2s.build_site(write_records([make_record()]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_no_records_are_an_error(tmp_path):
    (tmp_path / "empty.jsonl").write_bytes(b"")
    with pytest.raises(InvalidFileError, match="no records"):
        t2s.build_site(tmp_path / "empty.jsonl", tmp_path / "site")
    assert not (tmp_path / "site").exists()
