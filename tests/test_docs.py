"""The checker of the documentation site, as a program."""

import subprocess
import sys
from pathlib import Path

CHECKER = Path(__file__).parents[1] / "docs" / "check_links.py"
GOOD = (
    '<h1 id="top">A</h1><a href="b.html#end">b</a><a href="#top">a</a><a href="https://x.org">x</a>'
)


def check(site: Path, **pages: str) -> subprocess.CompletedProcess:
    for name, text in pages.items():
        (site / f"{name}.html").write_text(text)
    command = [sys.executable, CHECKER, site]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_site_without_faults_passes(tmp_path):
    done = check(tmp_path, a=GOOD, b='<p id="end"><img src="data:image/gif;base64,R0"></p>')
    assert (done.returncode, done.stderr) == (0, "")


def test_states_that_a_script_restores_are_anchors(tmp_path):
    data = '<script type="application/json">{"names": ["0110"]}</script>'
    links = '<a href="b.html#0110">b</a><a href="b.html#sort=Avg%3Adown">b</a>'
    assert check(tmp_path, a=links, b=data).returncode == 0
    done = check(tmp_path, a='<a href="b.html#0111">b</a>', b=data)
    assert done.returncode == 1
    assert "0111" in done.stderr


def test_every_fault_is_listed_with_its_line(tmp_path):
    done = check(
        tmp_path,
        a=GOOD,
        b='<a href="c.html">c</a>\n<a href="a.html#gone">a</a>\n'
        '<script src="https://x.org/x.js"></script>\n<link rel="stylesheet" href="//x.org/x.css">',
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "a.html:1",
        *(f"b.html:{n}" for n in range(1, 5)),
    ]
    for line, fact in zip(
        lines, ["b.html#end", "c.html", "a.html#gone", "x.js", "x.css"], strict=True
    ):
        assert fact in line
