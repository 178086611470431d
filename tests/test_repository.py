"""Rules of the repository that no linter checks: lengths, links, pages that must stay true."""

import ast
import io
import re
import statistics
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [
    p
    for d in ("benchmark", "baselines", "task2sim", "taskonomy", "t2sbench")
    for p in sorted((ROOT / d).rglob("*.py"))
]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "leaderboards" / "README.md"]


def functions(path: Path) -> list[tuple[int, str]]:
    """Return (lines of the body without its docstring, name) of every function of a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node, clean=False)
            lines = node.end_lineno - node.body[0].lineno + 1 - (doc.count("\n") + 1 if doc else 0)
            found.append((lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"))
    return found


def test_functions_are_short():
    rows = [row for path in SOURCES for row in functions(path)]
    assert statistics.median(lines for lines, _ in rows) <= 10
    assert [row for row in rows if row[0] > 60] == []


def test_methods_stay_within_a_hundred_lines():
    for path in sorted((ROOT / "baselines").glob("*.py")):
        assert len(path.read_text().splitlines()) <= 100, path


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_pages_name_every_command():
    from benchmark.cli.main import _COMMANDS

    text = "".join(page.read_text() for page in PAGES)
    assert [name for name in _COMMANDS if f"t2sbench {name}" not in text] == []


def test_continuous_integration_runs_the_readme_commands():
    readme, script = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    for command in ("make run", "make test"):
        assert command in readme
    assert "make test" in script


def test_the_architecture_page_names_every_room():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = [
        p for p in (ROOT / "benchmark").iterdir() if p.is_dir() and (p / "__init__.py").exists()
    ]
    names = [p.name for p in rooms] + [p.stem for p in (ROOT / "benchmark").glob("[a-z]*.py")]
    # A word of the prose, such as "data", does not count: only a path or a dotted name does.
    missing = [n for n in names if not re.search(rf"`{n}`|\bbenchmark[./]{n}\b", text)]
    assert sorted(missing) == []


#: Words that the guide to contributions rules out, with what is written instead.
BANNED = {
    "mend": "repair",
    "told": "a verb of the facts",
    "said": "a verb of the facts",
    "anew": "again",
    "beside": "next to",
    "shall": "must",
    "dear": "expensive",
    "somebody": "another process",
    "at hand": "available",
    "in place of": "instead of",
    "of one's own": "own",
    "is to be": "must be",
    "can be had": "is available",
    "goes on": "continues",
    "there is none": "no ...",
    "hears of": "receives",
    "we": "t2sbench",
    "us": "t2sbench",
    "our": "the",
    "ours": "the",
}


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines of comments, strings and pages."""
    text = path.read_text()
    if path.suffix == ".md":
        yield from enumerate(text.split("\n"), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_sentence = token.type == tokenize.STRING and " " in token.string
        if is_sentence or token.type == tokenize.COMMENT:
            yield from enumerate(token.string.split("\n"), token.start[0])


def test_prose_is_plain():
    pattern = re.compile(rf"\b({'|'.join(BANNED)})\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]} (write: {BANNED[match[0]]})"
        for path in [*SOURCES, *PAGES]
        for number, line in prose(path)
        for match in pattern.finditer(re.sub(r"`[^`]*`|\]\([^)]*\)", "", line))
    ]
    assert found == []


def test_nothing_unfinished_is_committed():
    for path in SOURCES:
        assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text()), path
