"""Failed cells, done again."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.runs.execution import execute, make_plan


def test_retry_of_a_table_that_has_changed_says_so(
    request_for, small_table, plugin_file: Path, tmp_path: Path
):
    from benchmark.rewards.storage import Description, write_table
    from benchmark.runs.execution import existing_records, retry

    plan = make_plan(request_for("select-raises", "first"))
    execute(plan, lambda _record: None)
    folder = Path(plan.request.table)
    write_table(
        replace(small_table, values=small_table.values / 2),
        folder,
        Description(title="", simulator="", simulator_version=""),
    )
    records, _ = existing_records(tmp_path / "out")
    failed = [r for r in records if r.status == "failed"]
    with pytest.raises(InvalidInputError, match="belong to another content of the table"):
        list(retry(tmp_path / "out", {record.cell for record in failed}, [plugin_file]))


def test_retry_does_exactly_the_failed_cells(request_for, plugin_file: Path, tmp_path: Path):
    from benchmark.runs.execution import existing_records, retry
    from benchmark.runs.history import missing_cells

    plan = make_plan(request_for("select-raises", "first"))
    execute(plan, lambda _record: None)
    plugin_file.write_text(plugin_file.read_text().replace('task.name == "AID"', "False"))
    records, _ = existing_records(tmp_path / "out")
    failed = [r for r in records if r.status == "failed"]
    again = list(retry(tmp_path / "out", {record.cell for record in failed}, [plugin_file]))
    assert [(r.task.name, r.seed, r.status) for r in again] == [("AID", 0, "ok"), ("AID", 1, "ok")]
    assert {r.supersedes for r in again} == {r.record_id for r in failed}
    records, _ = existing_records(tmp_path / "out")
    assert missing_cells(tmp_path / "out", records) == set()
    assert {r.status for r in records} == {"ok"}


def test_nothing_that_a_folder_names_is_executed(request_for, plugin_file: Path, tmp_path: Path):
    from benchmark.runs.execution import existing_records, retry
    from t2sbench import status

    execute(make_plan(request_for("select-raises", "first")), lambda _record: None)
    cells = {r.cell for r in existing_records(tmp_path / "out")[0] if r.status == "failed"}
    proof = tmp_path / "proof"
    touch = f"import pathlib; pathlib.Path({str(proof)!r}).touch()"
    plugin_file.write_text(f"{plugin_file.read_text()}\n{touch}\n")
    assert status(tmp_path / "out")
    for named in ((), (tmp_path / "other.py",)):
        with pytest.raises(InvalidInputError, match=f"--plugin {plugin_file}"):
            list(retry(tmp_path / "out", cells, named))
    assert not proof.exists()
    assert list(retry(tmp_path / "out", cells, [plugin_file]))
    assert proof.exists()


@pytest.mark.parametrize("place", ["method", "live", "source", "program"])
def test_every_place_of_a_request_that_names_code_is_checked(place, tmp_path: Path):
    import json

    from benchmark.runs.execution import retry

    evil = ["evil.py"] if place != "program" else []
    method = {"name": "random", "options": {}, "plugins": evil if place == "method" else []}
    source = {"name": "s", "place": None, "options": [], "plugins": evil}
    live = {"plugins": evil if place == "live" else [], "sources": []}
    live |= {"sources": [source]} if place == "source" else {}
    if place == "program":
        live["changes"] = {"simulator": "tdw", "simulator_options.build": "evil.py"}
    request = {"methods": [method], "split": "unseen", "table": "gl-mini", "tasks": []}
    request |= {"seeds": [0], "tasks_files": [], "limit": None, "timeout": None}
    request |= {"live": [live]} if place != "method" else {}
    (tmp_path / "requests.json").write_text(json.dumps([{"request": request, "cells": ["a"]}]))
    with pytest.raises(InvalidInputError, match=r"evil\.py"):
        list(retry(tmp_path, {"a"}))


def test_requests_of_earlier_versions_are_read(tmp_path: Path):
    import json

    from benchmark.runs.history import read_requests

    live = {"protocol": "knn5", "profile": "mini", "changes": {"classes": 3}, "device": "cpu"}
    live |= {"real_images": None, "processes": None, "plugins": ["/mine.py"]}
    request = {"methods": [{"name": "random", "options": {}, "plugins": []}], "split": "unseen"}
    request |= {"table": "gl-mini", "tasks": ["AID"], "seeds": [0], "tasks_files": ["/t.yaml"]}
    request |= {"limit": None, "timeout": 2.5, "live": live}
    (tmp_path / "requests.json").write_text(json.dumps([{"request": request, "cells": ["a"]}]))
    (entry,) = read_requests(tmp_path)
    found = entry.run_request(tmp_path)
    assert [one.changes for one in found.live] == [{"classes": 3}]
    assert found.live[0].plugins == (Path("/mine.py"),)
    assert (found.tasks_files, found.output) == ((Path("/t.yaml"),), tmp_path)
    del request["live"]
    (tmp_path / "requests.json").write_text(json.dumps([{"request": request, "cells": []}]))
    assert read_requests(tmp_path)[0].run_request(tmp_path).live == ()
    (tmp_path / "requests.json").write_text('[{"request": 1}]')
    with pytest.raises(InvalidInputError, match=r"requests\.json"):
        read_requests(tmp_path)
