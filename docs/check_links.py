"""Check the links of a built site: ``python docs/check_links.py DIR``.

Every link to a file of the site must find it, with its anchor. Pages must load nothing from
elsewhere: no script, style sheet, font or image. Addresses of other sites are not visited. An
anchor may also be a state that the page's script restores: a query (``#sort=Avg``), or a text of
the page's JSON data.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"script", "img", "iframe", "source", "video", "audio", "embed"}


class _Page(HTMLParser):
    """Anchors and links of one page.

    Attributes:
        anchors: Targets within the page, and texts of its JSON data.
        links: (line, address, True if the browser loads it with the page).
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[int, str, bool]] = []
        self.in_data = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        style_sheet = tag == "link" and given.get("rel") in {"stylesheet", "icon", "preload"}
        self.in_data = given.get("type") == "application/json"
        for name in ("href", "src"):
            if name in given:
                self.links.append((self.getpos()[0], given[name], style_sheet or tag in _LOADED))

    def handle_data(self, data: str) -> None:
        if self.in_data:
            self.anchors.update(re.findall(r'"([^"]+)"', data))


def faults(site: Path) -> Iterator[str]:
    """Yield a sentence for every broken link and every remote resource of a site."""
    read = cache(_Page)
    for page in sorted(site.resolve().rglob("*.html")):
        for line, address, loaded in read(page).links:
            place = f"{page.relative_to(site.resolve())}:{line}"
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if loaded and parts.scheme != "data":
                    yield f"{place}: loads {address} from elsewhere"
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            anchor = "" if "=" in parts.fragment else unquote(parts.fragment)
            if not target.is_file():
                yield f"{place}: no file {address}"
            elif anchor and target.suffix == ".html" and anchor not in read(target).anchors:
                yield f"{place}: no anchor {address}"


def main() -> int:
    """Print all faults; the exit code is 1 if there are any."""
    found = list(faults(Path(sys.argv[1])))
    sys.stderr.writelines(f"{fault}\n" for fault in found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
