"""Pages of a site, written into a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2

from benchmark.core.errors import InvalidInputError, StorageError
from benchmark.core.files import inside, json_value
from benchmark.leaderboard import Board
from benchmark.leaderboard.text_tables import number
from benchmark.site import boards, configurations, methods, overview, paper, tasks

if TYPE_CHECKING:
    from benchmark.site.context import Site, SpacePages

_MARKER = "site.json"
_STATIC = Path(__file__).parent / "static"


def write_site(site: Site, records: Path, folder: Path) -> list[Path]:
    """Write all pages; pages of an earlier build that are no longer made are deleted.

    Args:
        site: Content.
        records: Folder of records, for the paper's tables.
        folder: New or empty folder, or one of an earlier build.

    Returns:
        The files.

    Raises:
        InvalidInputError: For a folder with other files.
        StorageError: When the file system refuses.
    """
    writer = _Writer(folder, _earlier(folder))
    try:
        _write_all(writer, site, records)
        writer.finish()
    except OSError as error:
        raise StorageError(
            f"Cannot write {error.filename or folder}: {error.strerror or error}. Free some space "
            "or choose another folder."
        ) from error
    return writer.written


def _earlier(folder: Path) -> list[str]:
    """Files of an earlier build in the folder."""
    marker = folder / _MARKER
    if marker.is_file():
        try:
            return [str(name) for name in json_value(marker.read_text(encoding="utf-8"))["files"]]
        except (ValueError, KeyError, TypeError):
            pass
    elif not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return []
    raise InvalidInputError(
        f"{folder} holds other files than those of an earlier site. Choose a new folder with "
        "--output."
    )


@dataclass
class _Writer:
    """Writes pages of one site.

    Attributes:
        folder: Folder of the site.
        earlier: Files of an earlier build.
        written: Files of this one.
    """

    folder: Path
    earlier: list[str]
    written: list[Path] = field(default_factory=list)
    environment: jinja2.Environment = field(init=False)

    def __post_init__(self) -> None:
        self.environment = jinja2.Environment(
            loader=jinja2.PackageLoader("benchmark.site", "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self.environment.filters["url"] = lambda path: quote(path, safe="/=,@+#")
        self.environment.filters["number"] = number
        self.environment.filters["signed"] = _signed
        self.environment.filters["words"] = lambda text: str(text).replace("_", " ")

    def page(self, path: str, template: str, **content: Any) -> None:  # noqa: ANN401
        """Write a page."""
        root = "../" * path.count("/")
        text = self.environment.get_template(f"{template}.html.j2").render(
            root=root, path=path, section=path.partition("/")[0].removesuffix(".html"), **content
        )
        self.file(path, text.encode())

    def file(self, path: str, content: bytes | str) -> None:
        """Write a file."""
        target = self._target(path)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def copy(self, source: Path, path: str) -> None:
        """Copy a file."""
        self.file(path, source.read_bytes())

    def _target(self, path: str) -> Path:
        target = inside(self.folder, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.written.append(target)
        return target

    def finish(self) -> None:
        """Delete files of the earlier build that were not written again; list the others."""
        root = self.folder.resolve()
        names = sorted(path.relative_to(root).as_posix() for path in self.written)
        for name in set(self.earlier) - {*names}:
            inside(self.folder, name).unlink(missing_ok=True)
        self.file(_MARKER, json.dumps({"files": names}, indent=0) + "\n")


def _signed(value: float | None, digits: int = 2) -> str:
    """A number with its sign.

    Example:
        >>> _signed(0.5, 1), _signed(-0.001)
        ('+0.5', '+0.00')
    """
    text = number(value, digits)
    return text if value is None or text.startswith("-") else f"+{text}"


def _write_all(writer: _Writer, site: Site, records: Path) -> None:
    for path in sorted(_STATIC.iterdir()):
        writer.copy(path, path.name)
    writer.environment.globals.update(BADGES=boards.BADGES, spaces=site.spaces)
    writer.page("index.html", "index", title="Boards", **overview.index_content(site))
    _write_boards(writer, site)
    _write_tasks(writer, site)
    _write_methods(writer, site)
    for one in site.spaces:
        _write_configurations(writer, site, one)
    content = paper.paper_content(records, site.facts.live)
    writer.page("paper.html", "paper", title="Paper", **content)
    for section in content["exhibits"]:
        if section["exhibit"] is not None:
            writer.file(f"paper/{section['name']}.csv", paper.exhibit_csv(section["exhibit"]))


def _write_boards(writer: _Writer, site: Site) -> None:
    for stem, board in site.boards.items():
        path = f"boards/{stem}"
        writer.file(f"{path}.csv", board.csv())
        if isinstance(board, Board):
            content = boards.board_content(site, stem, board)
            writer.page(f"{path}.html", "board", title=board.place.title, **content)
            if content["wins"]:
                writer.file(f"{path}-wins.csv", boards.wins_csv(content["wins"]))
        else:
            content = boards.budget_content(site, stem, board)
            writer.page(f"{path}.html", "budget", title=board.place.title, **content)


def _write_tasks(writer: _Writer, site: Site) -> None:
    writer.page("tasks.html", "tasks", title="Tasks", **tasks.tasks_content(site))
    for name in site.task_names:
        path = site.task_page(name)
        stem = path.removesuffix(".html")
        writer.page(path, "task", title=name, stem=stem, **tasks.task_content(site, name))
        writer.file(f"{stem}-effects.csv", tasks.task_effects_csv(site, name))
        writer.file(f"{stem}-methods.csv", tasks.task_methods_csv(site, name))


def _write_methods(writer: _Writer, site: Site) -> None:
    writer.page("methods.html", "methods", title="Methods", **methods.methods_content(site))
    for key, label in site.methods.items():
        path = site.method_page(key)
        stem = path.removesuffix(".html")
        writer.page(path, "method", title=label, stem=stem, **methods.method_content(site, key))
        writer.file(f"{stem}.csv", methods.method_csv(site, key))


def _write_configurations(writer: _Writer, site: Site, one: SpacePages) -> None:
    content = configurations.configurations_content(site, one)
    stem = f"configurations/{one.slug}"
    writer.page(f"{stem}.html", "configurations", title="Configurations", stem=stem, **content)
    writer.file(f"{stem}.csv", configurations.configurations_csv(content))
    if one.sheets is not None:
        for name in one.names:
            writer.copy(one.sheets.folder / f"{name}.webp", one.picture(name))
