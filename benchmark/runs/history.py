"""The requests of a result folder, so that ``status`` and ``retry`` know what was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import canonical_json, write_bytes
from benchmark.rewards.catalog import is_path
from benchmark.runs.plan import MethodSpec, Overwrite, RunRequest, Split

if TYPE_CHECKING:
    from benchmark.runs.execution import Plan
    from benchmark.runs.live_scorer import LiveChoice
    from benchmark.runs.record import Record

_FILE = "requests.json"


def remember(plan: Plan) -> None:
    """Add a run to the folder's list of requests; the last of equal ones counts."""
    path = plan.request.output / _FILE
    entry = {"request": _to_json(plan.request), "cells": sorted(plan.wanted)}
    kept = [old for old in _read(path) if old["request"] != entry["request"]]
    write_bytes(path, canonical_json([*kept, entry]) + b"\n")


def missing_cells(folder: Path, records: Sequence[Record]) -> int:
    """Cells of the last request that have no record."""
    requests = _read(folder / _FILE)
    have = {record.cell for record in records}
    return len(set(requests[-1]["cells"]) - have) if requests else 0


def retry_units(folder: Path, failed: Sequence[Record]) -> Iterator[Record]:
    """Do the given cells again, as the requests that contain them asked for them.

    Raises:
        InvalidInputError: When no request of the folder contains a cell.
    """
    from benchmark.runs.execution import execute, make_plan

    left = {record.cell for record in failed}
    for entry in reversed(_read(folder / _FILE)):
        cells = left.intersection(entry["cells"])
        if not cells:
            continue
        request = replace(_from_json(entry["request"], folder), overwrite=Overwrite.ALWAYS)
        plan = make_plan(request)
        left -= keep_only(plan, cells)
        done: list[Record] = []
        execute(plan, done.append)
        yield from done
    if left:
        raise InvalidInputError(
            f"Expected {folder / _FILE} to say how the failed cells were asked for, but got "
            f"{len(left)} cells that it does not hold, or that belong to another content of the "
            "table. Give the original run command again."
        )


def keep_only(plan: Plan, cells: set[str]) -> set[str]:
    """Narrow a plan to the cells with these digests; those of them that it has."""
    units, held = [], set()
    for unit in plan.units:
        entry = plan.context.method_entry(unit.spec.resolve(), unit.fold, None)
        digests = {
            (task, seed): plan.context.identity(entry, task, seed)["cell"]
            for task, seed in unit.cells
        }
        wanted = frozenset(place for place, cell in digests.items() if cell in cells)
        held |= {digests[place] for place in wanted}
        if wanted:
            units.append(unit.narrowed(wanted))
    plan.units = units
    return held


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        entries: list[dict[str, Any]] = orjson.loads(path.read_bytes())
        return [{"request": dict(e["request"]), "cells": list(e["cells"])} for e in entries]
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidFileError(path, [f"not a list of requests: {error}"], "Delete it.") from error


def _to_json(request: RunRequest) -> dict[str, Any]:
    return {
        "methods": [
            {
                "name": spec.name,
                "options": dict(spec.options),
                "plugins": [str(path.resolve()) for path in spec.plugin_files],
            }
            for spec in request.methods
        ],
        "split": str(request.split),
        "table": str(Path(request.table).resolve()) if is_path(request.table) else request.table,
        "tasks": list(request.tasks),
        "seeds": list(request.seeds),
        "tasks_files": [str(path.resolve()) for path in request.tasks_files],
        "limit": request.limit,
        "timeout": request.timeout,
        "live": None if request.live is None else _live_to_json(request.live),
    }


def _live_to_json(live: LiveChoice) -> dict[str, Any]:
    return {
        "protocol": live.protocol,
        "profile": live.profile,
        "changes": dict(live.changes),
        "device": live.device,
        "real_images": live.real_images,
        "processes": live.processes,
        "plugins": [str(path.resolve()) for path in live.plugin_files],
    }


def _live_from_json(value: dict[str, Any], tasks_files: tuple[Path, ...]) -> LiveChoice:
    from benchmark.runs.live_scorer import LiveChoice

    return LiveChoice(
        value["protocol"],
        value["profile"],
        value["changes"],
        value["device"],
        value["real_images"],
        tuple(map(Path, value["plugins"])),
        tasks_files,
        value["processes"],
    )


def _from_json(value: dict[str, Any], folder: Path) -> RunRequest:
    tasks_files = tuple(map(Path, value["tasks_files"]))
    live = value.get("live")  # absent in folders of earlier versions
    return RunRequest(
        methods=tuple(
            MethodSpec(spec["name"], spec["options"], tuple(map(Path, spec["plugins"])))
            for spec in value["methods"]
        ),
        split=Split(value["split"]),
        table=value["table"],
        tasks=tuple(value["tasks"]),
        seeds=tuple(value["seeds"]),
        tasks_files=tasks_files,
        limit=value["limit"],
        timeout=value["timeout"],
        live=None if live is None else _live_from_json(live, tasks_files),
        output=folder,
    )
