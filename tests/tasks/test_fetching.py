import bz2
import urllib.error

import pytest

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.tasks.fetching import PARTS, downloads, fetch, torchvision_files
from benchmark.tasks.prepare import prepare
from benchmark.tasks.registry import load_tasks

datasets = pytest.importorskip("torchvision.datasets")
TASKS = load_tasks()


def test_the_tasks_are_those_with_a_torchvision_loader():
    named = {t.name for t in TASKS if any(loader.kind == "torchvision" for loader in t.loaders)}
    assert named == set(PARTS)
    assert all(hasattr(datasets, name) for name in PARTS)


@pytest.mark.parametrize("name", sorted(set(TASKS.names) - set(PARTS)))
def test_other_tasks_say_what_to_download_from_where(name):
    with pytest.raises(UnavailableError, match=f"t2sbench data prepare {name} --from") as caught:
        fetch(TASKS[name], accept_licence=True)
    assert TASKS[name].home in str(caught.value)


def test_terms_that_are_not_open_must_be_accepted(monkeypatch):
    with pytest.raises(InvalidInputError, match="--accept-licence"):
        fetch(TASKS["USPS"])


def write_usps(root) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name, count in (("usps.bz2", 12), ("usps.t.bz2", 8)):
        lines = [
            f"{i % 10 + 1} " + " ".join(f"{k}:{(i * k) % 7 / 7:.3f}" for k in range(1, 257))
            for i in range(count)
        ]
        (root / name).write_bytes(bz2.compress("\n".join(lines).encode()))


def test_a_download_is_prepared(monkeypatch):
    calls = []

    def download(url, root, filename, md5):
        calls.append((url, md5))
        write_usps(downloads(TASKS["USPS"]))

    monkeypatch.setattr("torchvision.datasets.usps.download_url", download)
    root = fetch(TASKS["USPS"], accept_licence=True)
    assert root == downloads(TASKS["USPS"])
    assert calls[0][1] == "ec16c51db3855ca6c91edd34d0e9b197"  # torchvision's own pin
    data = prepare("USPS", "torchvision")
    assert data.card.source.startswith("torchvision's download")
    assert (data.card.n_train, data.card.n_test) == (12, 8)
    assert data.card.partial is not None


def test_no_network_is_one_sentence(monkeypatch):
    def refuse(*_args, **_options):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr("torchvision.datasets.svhn.download_url", refuse)
    with pytest.raises(UnavailableError, match="Check the network and try again"):
        fetch(TASKS["SVHN"], accept_licence=True)


def test_a_mirror_means_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("T2SBENCH_MIRROR", str(tmp_path))
    with pytest.raises(UnavailableError, match="Unset it"):
        fetch(TASKS["EuroSAT"])


@pytest.mark.parametrize("name", sorted(PARTS))
def test_nothing_downloaded_yet(name, tmp_path):
    with pytest.raises(UnavailableError, match=f"t2sbench data fetch {name}"):
        torchvision_files(TASKS[name], tmp_path / "absent")


def test_eurosat_as_torchvision_unpacks_it(tmp_path, put):
    for name in ("Forest", "River"):
        for i in range(4):
            put(tmp_path / "eurosat" / "2750" / name / f"{i}.jpg")
    data = prepare("EuroSAT", f"torchvision:{tmp_path}")
    theirs = datasets.EuroSAT(tmp_path)
    assert list(data.class_names) == theirs.classes
    assert data.labels.tolist() == theirs.targets
