import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.rendering.request import (
    DatasetRequest,
    check_capabilities,
    choose_categories,
    shard_images,
)
from benchmark.simulators.draws import Fixed, Uniform
from benchmark.simulators.interface import AssetCatalog, Capabilities
from benchmark.simulators.registry import SimulatorChoice
from benchmark.simulators.toy import ToySimulator
from benchmark.space import PAPER_SPACE, Configuration, Parameter, ParameterSpace


def catalog(*counts):
    objects = {f"c{i}": tuple(f"{j:02}" for j in range(n)) for i, n in enumerate(counts)}
    return AssetCatalog(objects, ("m",), ("p",))


def request(categories, per_class, **options):
    choice = SimulatorChoice("toy", {})
    return DatasetRequest(choice, PAPER_SPACE.at(0), categories, per_class, **options)


def all_images(made, assets):
    return [image for n in range(made.n_shards) for image in shard_images(made, assets, n)]


@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    per_class=st.integers(1, 40),
    shard_size=st.integers(1, 50),
    limit=st.none() | st.integers(1, 5),
)
def test_every_category_gets_its_images_evenly(counts, per_class, shard_size, limit):
    assets = catalog(*counts)
    made = request(assets.categories, per_class, shard_size=shard_size, objects_per_class=limit)
    images = all_images(made, assets)
    assert len(images) == len(made) == per_class * len(counts)
    assert len({(i.category, i.object, i.index) for i in images}) == len(images)
    for label, category in enumerate(assets.categories):
        own = [image for image in images if image.category == category]
        assert {image.label for image in own} == {label}
        shares = Counter(image.object for image in own)
        used = min(counts[label], limit or counts[label], per_class)
        assert len(shares) == used
        assert max(shares.values()) - min(shares.values()) <= 1
        for name, share in shares.items():
            assert [image.index for image in own if image.object == name] == list(range(share))


def test_own_draws_are_part_of_the_identity_and_no_others_are():
    def identity(abilities, level=2):
        simulator = ToySimulator()
        simulator.capabilities = abilities
        point = Configuration((*[0] * 8, level)) if abilities.draws else PAPER_SPACE.at(0)
        made = DatasetRequest(SimulatorChoice("toy", {}), point, ("disc",), 2)
        return made.identity(simulator)

    fog = Parameter("fog", ("none", "thin", "random"))
    space = ParameterSpace((*PAPER_SPACE.parameters, fog))
    thin, thick = (
        Capabilities(space, draws={"fog": (Fixed(0.0), Fixed(0.5), Uniform(0.0, most))})
        for most in (0.5, 1.0)
    )
    assert "draws" not in identity(ToySimulator.capabilities)
    assert identity(thin)["draws"]["fog"] == ["Uniform", {"low": 0.0, "high": 0.5}]
    assert identity(thin) != identity(thick)
    assert identity(thin, level=1) == identity(thick, level=1), "the draw of another level"
    assert json.loads(json.dumps(identity(thin))) == identity(thin)


def test_shards_do_not_decide_what_is_in_a_dataset():
    assets = catalog(3, 4)
    few, many = (all_images(request(assets.categories, 11, shard_size=n), assets) for n in (3, 99))
    assert few == many


def test_more_images_keep_those_there_were():
    assets = catalog(3)
    small, large = (
        {(i.object, i.index) for i in all_images(request(("c0",), n), assets)} for n in (7, 20)
    )
    assert small < large


def test_categories_are_chosen():
    assets = catalog(1, 2, 3)
    assert choose_categories(assets, None) == ("c0", "c1", "c2")
    assert choose_categories(assets, 2) == ("c0", "c1")
    assert choose_categories(assets, ["c2", "c0"]) == ("c2", "c0")
    for wrong in (0, -1, 4):
        with pytest.raises(InvalidInputError, match=rf"from 1 to 3 .*{wrong}"):
            choose_categories(assets, wrong)
    with pytest.raises(UnknownNameError, match="Did you mean 'c0'"):
        choose_categories(assets, ["c00"])


def test_all_faults_of_a_request_come_at_once():
    with pytest.raises(InvalidInputError) as caught:
        request(("a", "a"), 0, objects_per_class=0, size=0, seed=-1, quality=101, shard_size=0)
    for word in ("images_per_class", "objects_per_class", "size", "seed", "quality", "twice",
                 "shard_size"):  # fmt: skip
        assert word in str(caught.value)
    with pytest.raises(InvalidInputError, match="categories"):
        request((), 1)


def test_a_simulator_refuses_what_it_cannot_do():
    made = request(("a",), 1, size=64)
    check_capabilities(made, Capabilities(PAPER_SPACE, max_size=64))
    with pytest.raises(InvalidInputError, match="63 pixels"):
        check_capabilities(made, Capabilities(PAPER_SPACE, max_size=63))
    encoder = Capabilities(PAPER_SPACE, encoding="jpeg")
    with pytest.raises(InvalidInputError, match=r"JPEG.*png"):
        check_capabilities(request(("a",), 1, encoding="png"), encoder)
    foreign = DatasetRequest(made.simulator, Configuration((0, 1)), ("a",), 1)
    with pytest.raises(InvalidInputError, match="2x2x2x2x2x2x2x2"):
        check_capabilities(foreign, Capabilities(PAPER_SPACE))


@pytest.mark.parametrize(
    "change",
    [
        {"config": "01101100"},
        {"categories": ("pair", "disc", "clover")},
        {"images_per_class": 11},
        {"objects_per_class": 2},
        {"size": 17},
        {"seed": 1},
        {"layout": "imagefolder"},
        {"encoding": "png"},
        {"quality": 50},
        {"shard_size": 9},
        {"simulator": SimulatorChoice("toy", {"categories": 4})},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_that_matters_is_in_the_key(make_request, change):
    toy = ToySimulator()
    assert make_request().key(toy) == make_request().key(ToySimulator())
    other = ToySimulator(4) if "simulator" in change else toy
    assert make_request(**change).key(other) != make_request().key(toy)


def test_quality_does_not_matter_to_png(make_request):
    toy = ToySimulator()
    keys = {make_request(encoding="png", quality=q).key(toy) for q in (50, 90)}
    assert len(keys) == 1
