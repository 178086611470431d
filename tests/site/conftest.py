"""The site of the committed records, built once."""

import shutil
from pathlib import Path

import pytest

import t2sbench as t2s
from benchmark.runs.record import Record, to_line

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("committed") / "site"
    t2s.build_site(
        ROOT / "leaderboards" / "records", folder, sheets=ROOT / "leaderboards" / "sheets"
    )
    return folder


@pytest.fixture(scope="session")
def write_records(tmp_path_factory):
    """Return a function that writes records into a new file."""

    def write(records: list[Record]) -> Path:
        path = tmp_path_factory.mktemp("records") / "records.jsonl"
        path.write_bytes(b"".join(map(to_line, records)))
        return path

    return write


def _find(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; the test is skipped where it is not installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    chromium = _find("chromium", "chromium-browser", "google-chrome")
    driver = _find("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{word}")
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    chrome.set_script_timeout(60)
    yield chrome
    chrome.quit()
