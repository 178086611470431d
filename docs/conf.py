"""Configuration of the documentation site: ``make docs`` builds it with Sphinx.

The pages of this folder are read on GitHub, too. Links that lead out of the folder are therefore
rewritten here. Pages of the repository above it are taken in by stubs with one ``include``.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

import t2sbench  # noqa: E402 - after the path of the clone

project = html_title = "t2sbench"
author = copyright = "t2sbench contributors"  # noqa: A001 - Sphinx's name
release = version = t2sbench.__version__
REPOSITORY = "https://github.com/t2sbench/t2sbench"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
]
root_doc = "index"
exclude_patterns = ["examples"]
templates_path = ["_templates"]

html_theme = "furo"
html_copy_source = False
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
}
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/boards.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

myst_heading_anchors = 4
nb_execution_mode = "off"  # docs/execute_notebooks.py executes and checks them
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Page of the repository above this folder -> the stub that includes it.
INCLUDED = {
    ROOT / "README.md": "index",
    ROOT / "ARCHITECTURE.md": "architecture",
    ROOT / "CHANGELOG.md": "changelog",
    ROOT / "CONTRIBUTING.md": "contributing",
    ROOT / "leaderboards" / "README.md": "leaderboards",
}
_INCLUDE = re.compile(r"^```\{include\} (\S+)\n```$", re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(?=[)#])")
# PyPI shows the README, so that its images have addresses.
_RAW = REPOSITORY.replace("github.com", "raw.githubusercontent.com") + "/main/"


def _read_page(app: Sphinx, name: str, content: list[str]) -> None:
    """Replace the includes and the links of a Markdown page."""
    page = Path(app.env.doc2path(name))
    if page.suffix == ".md":
        text = _INCLUDE.sub(lambda found: _included(page, found[1]), content[0])
        content[0] = _LINK.sub(lambda found: _target(page, page.parent / found[1]), text)


def _included(page: Path, name: str) -> str:
    """Text of an included page, with its links as they are from the including page."""
    path = (page.parent / name).resolve()
    text = path.read_text(encoding="utf-8").replace(_RAW, "")
    return _LINK.sub(lambda found: os.path.relpath(path.parent / found[1], page.parent), text)


def _target(page: Path, target: Path) -> str:
    """Address of a link from a page: within the site if it has the target, else on GitHub."""
    target = target.resolve()
    if target in INCLUDED:
        return os.path.relpath(DOCS / f"{INCLUDED[target]}.md", page.parent)
    if target.is_relative_to(DOCS) or not target.exists():
        return os.path.relpath(target, page.parent)
    kind = "tree" if target.is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/main/{target.relative_to(ROOT)}"


def _is_alias(_app: Sphinx, _kind: str, _name: str, member: object, *_: object) -> bool | None:
    """Leave out the fields of named tuples, which their class documents."""
    return True if type(member).__name__ == "_tuplegetter" else None


def _escape_help(_app: Sphinx, _context: object, lines: list[str]) -> None:
    """Keep the stars of help texts, such as ``*.jsonl``, from being read as emphasis."""
    lines[:] = [re.sub(r"\*(?=\.)", r"\\*", line) for line in lines]


def _make_accessible(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Let the keyboard scroll blocks of code, and give the captions of the sidebar a level."""
    context["body"] = context.get("body", "").replace("<pre>", '<pre tabindex="0">')
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )


def setup(app: Sphinx) -> None:
    """Register the handlers above."""
    app.connect("source-read", _read_page)
    app.connect("autodoc-skip-member", _is_alias)
    app.connect("sphinx-click-process-options", _escape_help)
    app.connect("html-page-context", _make_accessible, priority=900)  # after the theme
