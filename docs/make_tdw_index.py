r"""Write ``index.json``: assets of TDW that the paper used, and those that are public today.

For maintainers:

    python docs/make_tdw_index.py --then FOLDER --now FOLDER \
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

INDEX = Path(__file__).parents[1] / "benchmark" / "simulators" / "tdw" / "index.json"

#: Position of the sun above which the released generator uses a panorama.
_SUN_ELEVATION = 120
_PUBLIC = "https://tdw-public."

#: The released generator's fixed background comes first.
_FIXED_SKYBOX = "fish_hoek_beach_4k"


def read_records(kind: str, path: Path) -> Records:
    """Return the records of a library by name, read by the librarian of the package.

    Args:
        kind: ``Model``, ``Material`` or ``HDRISkybox``.
        path: The library's JSON file.
    """
    librarian = getattr(load("tdw.librarian"), f"{kind}Librarian")(str(path.resolve()))
    return {record.name: record for record in librarian.records}


def is_public(record: Any) -> bool:  # noqa: ANN401 - a record of a package without types
    """Return True if the asset bundle for Linux needs no credentials."""
    return str(record.urls["Linux"]).startswith(_PUBLIC)


def models(then: Records, now: Records, subset: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return categories with their models, and letters on each model.

    ``s``: in the released subset of 100 categories; ``p``: public today; ``x``: flagged unusable
    today. The categories of the subset come first, so that ``--classes 100`` selects them.
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
    """Return the letters of a model from its record of today."""
    return "s" * chosen + "p" * is_public(record) + "x" * bool(record.do_not_use)


def skyboxes(records: Records) -> list[str]:
    """Return the skyboxes of the released generator, the fixed one first."""
    names = [
        record.name
        for record in records.values()
        if record.location != "interior" and record.sun_elevation >= _SUN_ELEVATION
    ]
    return sorted(names, key=lambda name: (name != _FIXED_SKYBOX, name))


def make_index(then: Path, now: Path, subset: Path, materials: Path) -> dict[str, Any]:
    """Return the index as a JSON value."""
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
    parser.add_argument("--output", type=Path, default=INDEX)
    options = vars(parser.parse_args())
    output = options.pop("output")
    write_bytes(output, indented_json(make_index(**options)))


if __name__ == "__main__":
    main()
