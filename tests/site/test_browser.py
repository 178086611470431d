"""The site in a browser: functions, keyboard, themes, paper, accessibility, speed."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from benchmark.leaderboard import Board
from benchmark.leaderboard.rows import Outcome, Place, Row, Standing
from benchmark.site import build
from benchmark.site.context import Site
from benchmark.site.facts import Facts
from benchmark.tasks.registry import load_data_tasks

AXE = (Path(__file__).parent / "axe-core" / "axe.min.js").read_text()
BOARD = "boards/gl-mini/knn5/unseen.html"
KINDS = (
    "index.html",
    BOARD,
    "boards/gl-mini/knn5/leave-one-task-out-budget.html",
    "tasks.html",
    "tasks/EuroSAT.html",
    "methods.html",
    "methods/task2sim.html",
    "configurations/paper.html",
    "paper.html",
)
ROWS = """return [...document.querySelectorAll('#board tbody tr')].map(
            row => row.querySelector('bdi').textContent)"""


class Browser:
    """A browser that opens pages of one site.

    Args:
        driver: WebDriver.
        folder: The site.
    """

    def __init__(self, driver, folder: Path) -> None:
        self.driver, self.folder = driver, folder

    def open(self, page: str = BOARD, *, width: int = 1280, dark: bool = False) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"media": "", "features": [scheme]}
        )
        self.driver.get("about:blank")  # an address that differs in its end alone loads nothing
        path, _, end = page.partition("#")
        self.driver.get((self.folder / path).resolve().as_uri() + (f"#{end}" if end else ""))

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def click(self, selector: str) -> None:
        self.run("document.querySelector(arguments[0]).click()", selector)

    def type(self, selector: str, text: str) -> None:
        self.driver.find_element("css selector", selector).send_keys(text)

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def header(self, text: str) -> str:
        """Sort state of the column of a name, after a click on its header."""
        return self.run(
            """const button = [...document.querySelectorAll('#board thead button')]
                 .find(b => b.textContent.trim() === arguments[0]);
               button.click();
               return button.closest('th').getAttribute('aria-sort');""",
            text,
        )

    @property
    def hash(self) -> str:
        return self.run("return location.hash")

    @property
    def rows(self) -> list[str]:
        return self.run(ROWS)

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def violations(self, rules: list[str] | None = None) -> list[str]:
        """Violations that axe-core finds, with the elements."""
        self.run(AXE)
        self.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        options: dict[str, object] = {"preload": False}  # pages of files may not be requested
        if rules:
            options["runOnly"] = {"type": "rule", "values": rules}
        found = self.driver.execute_async_script(
            """const done = arguments[arguments.length - 1];
               axe.run(document, arguments[0]).then(r => done(r.violations.map(v => v.id + ': '
                 + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(' | '))))""",
            options,
        )
        return list(found)


@pytest.fixture
def page(browser, site) -> Browser:
    return Browser(browser, site)


def test_columns_sort_and_unsort(page):
    page.open()
    first = page.rows
    assert page.header("Avg") == "descending"
    assert page.rows[:2] == ["oracle", "walsh-gp"]
    assert page.header("Avg") == "ascending"
    assert page.rows[0] == "untrained"
    assert page.header("Avg") is None
    assert page.rows == first


def test_rows_without_a_number_come_last_in_both_directions(page):
    page.open()
    page.header("p")
    assert page.rows[-1] == "oracle"
    page.header("p")
    assert page.rows[-1] == "oracle"


def test_search_and_filters_narrow_the_rows(page):
    page.open()
    everything = page.rows
    page.type("#search", "task2")
    assert set(page.rows) == {"task2sim", "task2sim-released"}
    assert page.run("return document.getElementById('status').textContent").startswith("2 of ")
    page.click("#tools [type=reset]")
    page.run("return new Promise(done => setTimeout(done))")
    assert page.rows == everything
    page.click("[name=kind][value=reference]")
    assert set(everything) - set(page.rows) == {"oracle"}


def test_an_address_restores_the_view(page):
    page.open()
    page.header("Avg")
    page.type("#search", "sim")
    page.click("[name=kind][value=other]")
    page.click("#tasks-shown")
    page.run(
        """const [a, b] = document.querySelectorAll('#comparison select');
           b.value = [...b.options].find(o => o.text === 'random').value;
           b.dispatchEvent(new Event('change'));"""
    )
    rows, address = page.rows, page.hash
    summary = page.run("return document.querySelector('.summary').textContent")
    page.open(BOARD + address)
    assert page.rows == rows
    assert page.hash == address
    assert page.run("return document.querySelector('.summary').textContent") == summary
    assert page.run("return document.querySelector('td.task').offsetWidth") > 0
    assert not page.run("return document.querySelector('[name=kind][value=other]').checked")


def test_an_anchor_keeps_the_default_view(page):
    page.open(BOARD + "#compare")
    assert page.hash == "#compare"
    assert len(page.rows) == 11


def test_tasks_are_shown_on_demand(page):
    page.open()
    assert page.run("return document.querySelector('td.task').offsetWidth") == 0
    page.click("#tasks-shown")
    assert page.run("return document.querySelector('td.task').offsetWidth") > 0


def test_comparison_shows_the_difference_of_each_task(page):
    page.open(BOARD + "#a=single-best&b=random")
    found = page.run(
        """return [...document.querySelectorAll('#comparison tbody tr')].map(
             r => [...r.cells].slice(1, 4).map(c => Number(c.textContent)))"""
    )
    assert len(found) == 8
    assert all(abs(one - other - gap) < 0.011 for one, other, gap in found)


def test_the_theme_is_kept(page):
    page.open()
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(paper)
    page.click("#theme")  # light
    page.click("#theme")  # dark
    dark = page.run(paper)
    assert dark != light
    page.open("tasks.html")
    assert page.run(paper) == dark
    page.click("#theme")  # auto
    assert page.run(paper) == light
    page.open("tasks.html", dark=True)
    assert page.run(paper) == dark


def test_a_keyboard_reaches_and_sorts_the_board(page):
    from selenium.webdriver.common.keys import Keys

    page.open()
    page.driver.find_element("tag name", "body").send_keys(Keys.TAB)
    assert page.run("return document.activeElement.className") == "skip"
    page.press(Keys.ENTER)
    assert page.run("return document.activeElement.id") == "content"
    for _ in range(40):
        page.press(Keys.TAB)
        if page.run("return document.activeElement.closest('#board thead') !== null"):
            break
    assert page.run("return document.activeElement.textContent.trim()") == "Rank"
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.run(outline) == "solid"
    page.press(Keys.ENTER)
    assert (
        page.run("return document.activeElement.closest('th').getAttribute('aria-sort')")
        == "ascending"
    )


def test_the_explorer_follows_settings_and_addresses(page):
    page.open("configurations/paper.html#01101101")
    name = "return document.querySelector('.name-line').textContent"
    assert page.run(name) == "01101101"
    assert page.run("return document.querySelector('.sheet').src").endswith("paper/01101101.webp")
    assert page.run("return document.querySelector('.sheet').decode().then(() => 1)") == 1
    page.click("[name=p0][value='1']")
    assert page.run(name) == "11101101"
    assert page.hash == "#11101101"


def test_curves_can_be_hidden(page):
    page.open("boards/gl-mini/knn5/leave-one-task-out-budget.html")
    curve = "return getComputedStyle(document.querySelector('.chart [data-curve=\"0\"]')).display"
    assert page.run(curve) != "none"
    page.click("#legend [data-curve='0']")
    assert page.run(curve) == "none"
    page.open("boards/gl-mini/knn5/leave-one-task-out-budget.html" + page.hash)
    assert page.run(curve) == "none"


def test_paper_has_the_numbers_and_no_controls(page):
    page.open()
    printed = page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert page.run(shown, "#tools") == "none"
    assert page.run(shown, "body > header") == "none"
    assert page.run(shown, "#board") == "table"


@pytest.mark.parametrize("name", KINDS)
def test_pages_are_accessible_and_fit_a_phone(page, name):
    page.open(name)
    assert page.errors() == []
    assert page.violations() == []
    paint = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
    assert page.run(paint) <= 1000
    page.open(name, dark=True)
    assert page.violations(["color-contrast"]) == []
    page.open(name, width=375)
    assert page.run("return document.documentElement.scrollWidth") <= 375
    assert page.errors() == []


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """Page of a board of 10,000 rows."""
    tasks = tuple(load_data_tasks().names)[:8]
    rows = []
    for number in range(10_000):
        cells = {
            task: {0: Outcome(40 + (number * 7919 + place * 104729) % 2000 / 100, 0.5, 0, 1000)}
            for place, task in enumerate(tasks)
        }
        standing = Standing(number + 1, 0.5, 0.1, 0.05, 0.5)
        rows.append(
            Row(f"method-{number}", label=f"method-{number}", cells=cells, standing=standing)
        )
    place = Place(1, "knn5", 1, "table", "large", "2" * 64, "unseen")
    board = Board(place, tasks, tuple(rows), (), (), (), (), None, len(tasks), {})
    site = Site({"large/knn5/unseen": board}, Facts(), {}, load_data_tasks())
    writer = build._Writer(tmp_path_factory.mktemp("large"), [])
    writer.environment.globals.update(BADGES=build.boards.BADGES, spaces=())
    for path in build._STATIC.iterdir():
        writer.copy(path, path.name)
    build._write_boards(writer, site)
    return writer.folder


def test_ten_thousand_rows_stay_usable(browser, large):
    page = Browser(browser, large)
    page.open("boards/large/knn5/unseen.html")
    assert len(page.rows) == 100
    timed = """const button = [...document.querySelectorAll('#board thead button')]
                 .find(b => b.textContent.trim() === arguments[0]);
               const start = performance.now();
               button.click();
               document.body.offsetHeight;
               return performance.now() - start;"""
    times = [page.run(timed, name) for name in ("Avg", "Avg", "Method", "Regret", "Method")]
    assert sorted(times)[len(times) // 2] <= 200
    page.type("#search", "method-123")
    assert page.rows[0].startswith("method-123")
    assert len(page.rows) == 11
    assert page.errors() == []
