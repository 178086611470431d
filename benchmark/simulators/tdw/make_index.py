r"""Writes ``index.json``: which assets of TDW the paper used, and which of them are public today.

Run by whoever maintains the suite; everybody else reads the index:

    python -m benchmark.simulators.tdw.make_index --then FOLDER --now FOLDER \
        --subset tdw_simple_objs_100.json --materials material_subset.txt

``--then`` and ``--now`` are the folders ``tdw/metadata_libraries`` of the packages tdw 1.8.23.0
(the paper's) and 1.13.0.0; the last two are lists of the released generator (``configs``).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.core.files import indented_json, write_bytes
from benchmark.simulators.tdw.package import load

Records = Mapping[str, Any]

#: Position of the sun above which the released generator uses a panorama.
_SUN_ELEVATION = 120
_PUBLIC = "https://tdw-public."

#: The released generator's fixed background comes first.
_FIXED_SKYBOX = "fish_hoek_beach_4k"


def read_records(kind: str, path: Path) -> Records:
    """Records of a library by name, read by the package's own librarian.

    Args:
        kind: ``Model``, ``Material`` or ``HDRISkybox``.
        path: The library's JSON file.
    """
    librarian = getattr(load("tdw.librarian"), f"{kind}Librarian")(str(path.resolve()))
    return {record.name: record for record in librarian.records}


def is_public(record: Any) -> bool:  # noqa: ANN401 - a record of a package without types
    """Whether everybody can download the asset bundle (for Linux)."""
    return str(record.urls["Linux"]).startswith(_PUBLIC)


def models(then: Records, now: Records, subset: Mapping[str, list[str]]) -> dict[str, Any]:
    """Categories with their models and what is known of each, in letters.

    ``s``: in the released subset of 100 categories; ``p``: public today; ``x``: flagged unusable
    today. The subset's categories come first, so that ``--classes 100`` are those.
    """
    chosen = {name for names in subset.values() for name in names}
    usable = [record for record in then.values() if not record.do_not_use]
    found: dict[str, Any] = {}
    for wnid in sorted({record.wnid for record in usable}, key=lambda w: (w not in subset, w)):
        members = sorted((r for r in usable if r.wnid == wnid), key=lambda r: r.name)
        found[wnid] = {
            "label": members[0].wcategory,
            "models": {r.name: letters(now[r.name], r.name in chosen) for r in members},
        }
    return found


def letters(record: Any, chosen: bool) -> str:  # noqa: ANN401 - as above
    """What is known of a model, from its record of today."""
    return "s" * chosen + "p" * is_public(record) + "x" * bool(record.do_not_use)


def skyboxes(records: Records) -> list[str]:
    """Those that the released generator uses, the fixed one first."""
    names = [
        record.name
        for record in records.values()
        if record.location != "interior" and record.sun_elevation >= _SUN_ELEVATION
    ]
    return sorted(names, key=lambda name: (name != _FIXED_SKYBOX, name))


def make_index(then: Path, now: Path, subset: Path, materials: Path) -> dict[str, Any]:
    """The index as JSON."""
    names = materials.read_text().split()
    known = read_records("Material", now / "materials_low.json")
    return {
        "versions": {"then": "1.8.23.0", "now": "1.13.0.0"},
        "categories": models(
            read_records("Model", then / "models_full.json"),
            read_records("Model", now / "models_full.json"),
            json.loads(subset.read_bytes()),
        ),
        "materials": {name: "p" * is_public(known[name]) for name in sorted(names)},
        "skyboxes": skyboxes(read_records("HDRISkybox", now / "hdri_skyboxes.json")),
    }


def main() -> None:
    """Read the arguments and write the index."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("then", "now", "subset", "materials"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("index.json"))
    options = vars(parser.parse_args())
    output = options.pop("output")
    write_bytes(output, indented_json(make_index(**options)))


if __name__ == "__main__":
    main()
