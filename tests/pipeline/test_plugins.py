"""Networks, recipes and protocols of a user's file, from dataset to score."""

from pathlib import Path

import pytest

from benchmark.core.errors import UnknownNameError
from benchmark.pipeline.profiles import find_profile
from benchmark.pipeline.settings import LiveSettings, Source
from benchmark.pipeline.stages import Pipeline

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "my_network.py"
CHANGES = {"simulator": "toy", "classes": 4, "images_per_class": 6, "cpu_threads": 1}
OWN = {"network": "two-conv", "recipe": "two-epochs"}


def settings(plugin: Path, **changes) -> LiveSettings:
    return LiveSettings(
        protocol="nearest-mean",
        changes=CHANGES | OWN | changes,
        device="cpu",
        plugins=(plugin,),
    )


@pytest.fixture
def edited(tmp_path) -> Path:
    path = tmp_path / "edited.py"
    path.write_text(EXAMPLE.read_text() + "\n# another text\n")
    return path


def test_a_score_of_a_users_network_recipe_and_protocol(store, task, simulator_cache):
    live = settings(EXAMPLE)
    pipeline = Pipeline.of(live, store)
    source = Source("rendered", pipeline.simulator().capabilities.space.at(3))
    found = pipeline.score(source, 0, task, live.protocol)
    assert found.protocol == "nearest-mean"
    assert len(found.hyperparameters["code_sha256"]) == 64
    card = pipeline.backbone(source, 0).pretrained.card
    assert (card.network, card.dimension, card.recipe) == ("two-conv", 32, "two-epochs")
    again = Pipeline.of(live, store)
    assert again.score(source, 0, task, live.protocol) == found
    for one in (pipeline, again):
        one.close()


def test_an_edited_file_makes_other_cells(store, task, edited):
    first, second = (Pipeline.of(settings(file), store) for file in (EXAMPLE, edited))
    for source in (Source("none"), Source("rendered", first.simulator().capabilities.space.at(3))):
        backbones = [one.backbone_identity(source, 0) for one in (first, second)]
        assert backbones[0] != backbones[1]
        scores = [one.score_identity(source, 0, task, "nearest-mean") for one in (first, second)]
        assert scores[0]["protocol"] != scores[1]["protocol"]
    sources = {settings(file).source_digest() for file in (EXAMPLE, edited)}
    assert len(sources) == 2


def test_this_packages_names_are_not_changed_by_a_file(store, task, edited):
    usual = {"network": "mini-resnet6", "recipe": "mini"}
    with_file = settings(EXAMPLE, **usual)
    without = LiveSettings(changes=CHANGES | usual, device="cpu")
    assert with_file.source_digest() == without.source_digest()
    source = Source("none")
    identities = [
        Pipeline.of(one, store).backbone_identity(source, 0) for one in (with_file, without)
    ]
    assert identities[0] == identities[1]
    assert identities[0]["network"] == "mini-resnet6"


@pytest.mark.parametrize("field", ["network", "recipe"])
def test_unknown_names_are_refused_before_any_work(field):
    live = settings(EXAMPLE, **{field: "two-conf"})
    with pytest.raises(UnknownNameError, match="two-conf"):
        live.simulator()
    assert find_profile("mini", CHANGES).network == "mini-resnet6"
