"""The catalogue has the published numbers of models of the paper and of today's stores."""

import importlib.util
import json
import runpy
from pathlib import Path

import pytest

from benchmark.core.errors import UnknownNameError
from benchmark.simulators.tdw.catalog import load_index, make_catalog, what_is_public

FACTS = {
    ("paper", "all"): (237, 2322),
    ("paper", "subset"): (100, 787),
    ("public", "all"): (118, 556),
    ("public", "subset"): (70, 316),
}


@pytest.mark.parametrize(("choice", "counts"), FACTS.items(), ids=str)
def test_numbers_of_models(choice, counts):
    chosen = load_index().choose(*choice)
    assert (len(chosen), sum(map(len, chosen.values()))) == counts
    catalog = make_catalog(*choice, ())
    assert (len(catalog.materials), len(catalog.panoramas)) == (141, 43)
    assert len({name for names in chosen.values() for name in names}) == counts[1]


def test_what_everybody_can_download():
    entries = [entry for entries in load_index().models.values() for entry in entries]
    assert sum(entry.public for entry in entries) == 567
    assert sum(entry.public and entry.in_subset for entry in entries) == 323
    assert sum(entry.flagged for entry in entries) == 56
    assert all(load_index().materials.values())
    text = "\n".join(what_is_public())
    for number in ("567 in 119", "556 in 118", "323 in 70", "2,322 in 237", "787 in 100"):
        assert number in text


def test_the_subset_comes_first():
    index = load_index()
    categories = list(index.models)
    assert set(categories[:100]) == set(index.choose("paper", "subset"))
    sizes = [len(names) for names in index.choose("paper", "subset").values()]
    assert (min(sizes), max(sizes)) == (5, 10)


def test_models_can_be_left_out():
    first = make_catalog("public", "all", ())
    category, names = next((c, n) for c, n in first.objects.items() if len(n) > 1)
    less = make_catalog("public", "all", (names[0],))
    assert less.objects[category] == names[1:]
    assert names[0] in less.notes[-1]
    with pytest.raises(UnknownNameError, match="Did you mean"):
        make_catalog("public", "all", (names[0][:-1],))


def test_the_script_sorts_models(tmp_path):
    pytest.importorskip("tdw")
    path = Path(__file__).parents[3] / "docs" / "make_tdw_index.py"
    make_index = runpy.run_path(str(path))["make_index"]
    place = importlib.util.find_spec("tdw").submodule_search_locations[0]
    now = type(tmp_path)(place) / "metadata_libraries"
    (tmp_path / "subset.json").write_text(json.dumps({"n03483316": ["hair_dryer_that_is_not"]}))
    (tmp_path / "materials.txt").write_text("3d_printed_mesh_scales\nacoustic_panel")
    made = make_index(now, now, tmp_path / "subset.json", tmp_path / "materials.txt")
    assert next(iter(made["categories"])) == "n03483316"
    assert len(made["categories"]) == 236  # usable ones of 1.13 itself
    assert sum(len(c["models"]) for c in made["categories"].values()) == 2298
    assert made["materials"] == {"3d_printed_mesh_scales": "p", "acoustic_panel": "p"}
    assert made["skyboxes"] == list(load_index().skyboxes)
