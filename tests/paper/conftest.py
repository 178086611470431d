"""Made-up live records of the paper's experiments, and data of Figures 5 and 9."""

from pathlib import Path

import pytest

from benchmark.core.files import write_text
from benchmark.leaderboard.text_tables import csv_text
from benchmark.paper.experiments import EXPERIMENTS
from benchmark.paper.measurements import Neighbour, Probability
from benchmark.runs.record import Record, seal, to_line
from benchmark.space import PAPER_SPACE
from tests.conftest import build_record

#: Three tasks of each side: one with partial data, one stand-in.
TASKS = {
    "seen": ("EuroSAT", "DTD", "SketchySketch"),
    "unseen": ("CUB", "AID", "TrashNet"),
}
_DATA = {
    "SketchySketch": {"stands_in_for": "Sketch"},
    "TrashNet": {"stands_in_for": "FMD"},
    "CUB": {"partial": "20 classes instead of 200"},
}
_IMAGES = {"mini": 4000, "mini-95c-10k": 10070}


def live_record(
    method: str, task: str, seed: int, *, profile: str, protocol: str, split: str, value: float
) -> Record:
    """A record of a live score."""
    plain = build_record(
        method,
        task,
        seed,
        value,
        split=split,
        protocol=protocol,
        source_kind="live",
        source_id=profile,
        task_facts={"side": split, "data": _data(task)},
    )
    content = plain.model_dump(mode="json", exclude={"record_id"})
    simulator = {"imagenet": "real-images:MiniImageNet", "scratch": "none"}.get(method, "gl")
    content["pretraining"] |= {
        "simulator": simulator, "profile": profile, "n_images": _IMAGES.get(profile, 2000)
    }  # fmt: skip
    content["method"]["learnt_table"] = {"kind": "table", "id": "gl-mini", "digest": "5" * 64}
    content["reference"] = None
    return seal(content)


def _data(task: str) -> dict[str, str | None]:
    return {"revision": "1", "digest": "4" * 64, **_DATA.get(task, {})}


def records_of(*names: str) -> list[Record]:
    """Records of all cells of some experiments on the made-up tasks."""
    found = {}
    for name in names:
        experiment = EXPERIMENTS[name]
        for profile in experiment.sizes():
            for protocol in experiment.protocols:
                for place, (method, seeds) in enumerate(experiment.methods.items()):
                    if method == "scratch" and protocol != "finetune":
                        continue
                    for task in TASKS[experiment.split]:
                        for seed in seeds:
                            value = 20 + 3 * place + seed + 5 * len(task) % 7
                            value += len(profile) + 3 * len(protocol)
                            one = live_record(
                                method,
                                task,
                                seed,
                                profile=profile,
                                protocol=protocol,
                                split=experiment.split,
                                value=float(value),
                            )
                            found[one.record_id] = one
    return list(found.values())


@pytest.fixture
def folder_of(tmp_path: Path):
    """Function that writes the records of some experiments into a folder of measurements."""

    def write(*names: str) -> Path:
        folder = tmp_path / "measured"
        folder.mkdir(exist_ok=True)
        lines = b"".join(map(to_line, records_of(*names)))
        (folder / "records.jsonl").write_bytes(lines)
        return folder

    return write


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """Folder with made-up data of Figures 5 and 9."""
    folder = tmp_path / "data-of-figures"
    probabilities = [
        Probability(
            table=table,
            table_sha256=f"{place}" * 64,
            task=task,
            side=side,
            seed=seed,
            parameter=parameter,
            probability=(3 * place + number + seed + len(task)) % 11 / 10,
        )
        for place, table in enumerate(("gl-mini", "released"))
        for side in ("unseen", "seen")
        for task in TASKS[side]
        for seed in (0, 1)
        for number, parameter in enumerate(PAPER_SPACE.names)
    ]
    neighbours = [
        Neighbour(
            method=method,
            profile="mini-95c-10k",
            task="CUB",
            data_sha256="4" * 64,
            query=query,
            query_class=f"{query:03d}.Black_footed_Albatross",
            rank=rank,
            neighbour=100 * query + rank,
            neighbour_class=f"{query:03d}.Black_footed_Albatross" if rank == 1 else "7.Bobolink",
            similarity=1 - rank / 10,
        )
        for method in ("task2sim", "domain-randomization", "imagenet")
        for query in (5, 50, 500)
        for rank in (1, 2, 3)
    ]
    for name, rows in (("fig5", probabilities), ("fig9", neighbours)):
        write_text(folder / f"{name}.csv", csv_text(row.model_dump() for row in rows))
    return folder
