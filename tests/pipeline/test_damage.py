"""Damaged cells of the store: found, reported, and made again with the same values."""

import pytest

from benchmark.pipeline.settings import Source
from benchmark.pipeline.stages import Pipeline


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def become_a_folder(path):
    path.unlink()
    path.mkdir()
    (path / "file").write_text("")


DAMAGES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "flipped": flip,
    "empty": lambda path: path.write_bytes(b""),
    "other types": lambda path: path.write_text('{"sha256": 1, "seconds": [], "accuracy": "x"}'),
    "nested": lambda path: path.write_text("[" * 100_000),
    "folder": become_a_folder,
    "link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.fixture
def score(tiny_profile, store, task):
    """Return the score of one configuration; damaged cells are listed in ``score.repaired``."""

    def run(protocol="knn5"):
        repaired = []

        def on_beat(beat):
            if beat.kind == "repair":
                repaired.append(beat.subject.partition(" ")[0])

        pipeline = Pipeline(tiny_profile, store, device="cpu", on_beat=on_beat)
        try:
            source = Source("rendered", pipeline.simulator().capabilities.space.at(3))
            found = pipeline.score(source, 0, task, protocol)
        finally:
            pipeline.close()
        values = found.accuracy, found.balanced_accuracy, found.weights_sha256, found.n_images
        return values, found.predictions().tolist(), repaired

    return run


def damage_all(damage, folder):
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        DAMAGES[damage](path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_cells_are_made_again(damage, score, store):
    *first, _ = score()
    for kind in ("score", "features", "backbone", "dataset"):
        damage_all(damage, store.root / kind)
    *again, _ = score()
    assert again == first


@pytest.mark.parametrize("damage", ["flipped", "empty"])
@pytest.mark.parametrize("kind", ["score", "features", "backbone"])
def test_the_files_of_one_kind_are_damaged(kind, damage, score, store):
    *first, _ = score()
    for path in store.root.glob(f"{kind}/*/*/*"):
        if path.name != "cell.json":
            DAMAGES[damage](path)
    for folder in store.root.glob("score/*/*") if kind == "features" else ():
        (folder / "cell.json").unlink()  # only then are features read
    *again, repaired = score()
    assert again == first
    assert repaired == [kind] if kind != "backbone" else repaired in ([], [kind])


def test_a_damaged_dataset_of_a_killed_process_is_rendered_again(score, store):
    *first, _ = score()
    (folder,) = store.root.glob("dataset/*/*")
    work = store.root / ".work" / f"dataset-{folder.name}"
    work.mkdir(parents=True)
    (folder / "data").rename(work / "data")
    (shard,) = (work / "data").glob("data/*.parquet")
    shard.write_bytes(b"")
    for kind in ("score", "backbone", "dataset"):
        for path in store.root.glob(f"{kind}/*/*/cell.json"):
            path.unlink()
    *again, repaired = score()
    assert again == first
    assert repaired == ["dataset"]


def test_a_damaged_checkpoint_is_left_out(score, store):
    *first, _ = score()
    (folder,) = store.root.glob("backbone/*/*")
    work = store.root / ".work" / f"backbone-{folder.name}"
    work.mkdir(parents=True)
    (work / "checkpoint.safetensors").write_bytes(b"damaged")
    for kind in ("score", "backbone"):
        for path in store.root.glob(f"{kind}/*/*/cell.json"):
            path.unlink()
    assert score()[0] == first[0]
    assert not work.exists()
