import dataclasses
import itertools

import numpy as np
import pytest
import torch

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.pretraining import pretrain as module
from benchmark.pretraining.backbone_io import (
    load_backbone,
    save_backbone,
    untrained,
    weights_digest,
)
from benchmark.pretraining.errors import DeviceMemoryError, DivergedError
from benchmark.pretraining.networks import build_backbone, normalise
from benchmark.pretraining.pretrain import Execution, pretrain
from benchmark.pretraining.recipes import MINI, learning_rate
from benchmark.pretraining.training_set import TrainingSet

pytestmark = pytest.mark.usefixtures("one_thread")


def run(data, recipe, seed=0, **execution):
    options = Execution(**execution)
    return pretrain(data, network="mini-resnet", recipe=recipe, seed=seed, execution=options)


class Points:
    """Epochs and values of a curve."""

    def __init__(self):
        self.epochs, self.values = [], []

    def __call__(self, epoch, epochs, values):
        assert epoch <= epochs
        self.epochs.append(epoch)
        self.values.append(values)


def nearest(backbone, train, labels, test):
    """Label of the nearest training image by cosine."""
    with torch.no_grad():
        known, asked = (
            torch.nn.functional.normalize(backbone(normalise(torch.from_numpy(images))))
            for images in (train, test)
        )
    return labels[(asked @ known.T).argmax(1).numpy()]


def test_it_learns_what_random_weights_do_not_know(shapes):
    images, labels = shapes(60)
    asked, answers = shapes(30, seed=1)
    recipe = dataclasses.replace(MINI, epochs=10, warmup_epochs=1, batch_size=16, crop_scale=0.6)
    points = Points()
    trained = run(TrainingSet(images, labels, 4), recipe, curve=points)
    accuracy = np.mean(nearest(trained.backbone, images, labels, asked) == answers)
    before = untrained("mini-resnet", 0).backbone
    guessed = np.mean(nearest(before, images, labels, asked) == answers)
    assert accuracy > 0.6
    assert accuracy > guessed + 0.15
    assert points.epochs == list(range(1, 11))
    first, *_, last = points.values
    assert last["loss"] < first["loss"] - 0.3
    assert 0 < first["accuracy"] < last["accuracy"] <= 100
    assert trained.card.final_loss == last["loss"]
    assert last["learning_rate"] == pytest.approx(learning_rate(recipe, 9 + 14 / 15))


def test_equal_seeds_equal_weights_and_the_global_state_is_untouched(tiny_set, tiny_recipe):
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002 - it is this state that must stay
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (run(tiny_set, tiny_recipe, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert first.card.weights_sha256 == again.card.weights_sha256
    assert first.card.weights_sha256 != other.card.weights_sha256


def test_the_card_tells_what_happened(tiny_set, tiny_recipe, tmp_path):
    trained = run(tiny_set, tiny_recipe, 5)
    card = trained.card
    assert (card.network, card.dimension, card.image_size) == ("mini-resnet", 128, 16)
    assert (card.recipe, card.recipe_sha256) == ("tiny", tiny_recipe.digest)
    assert (card.seed, card.classes, card.images) == (5, 4, 40)
    assert (card.dataset_sha256, card.device) == (tiny_set.sha256, "cpu")
    assert card.wall_seconds > 0
    assert not trained.backbone.training
    save_backbone(trained, tmp_path / "b.safetensors")
    assert load_backbone(tmp_path / "b.safetensors", "mini-resnet").card == card


class Interrupt(Exception):  # noqa: N818
    pass


def interrupt_after(epoch):
    def curve(finished, _epochs, _values):
        if finished == epoch:
            raise Interrupt

    return curve


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_resumed_weights_are_those_of_one_go(tiny_set, tiny_recipe, tmp_path, optimiser):
    recipe = dataclasses.replace(tiny_recipe, optimiser=optimiser)
    path = tmp_path / "run" / "checkpoint.safetensors"
    for epoch in (1, 2):
        with pytest.raises(Interrupt):
            run(tiny_set, recipe, checkpoint=path, curve=interrupt_after(epoch))
    points = Points()
    resumed = run(tiny_set, recipe, checkpoint=path, curve=points)
    assert points.epochs == [3]
    straight = run(tiny_set, recipe)
    assert weights_digest(resumed.backbone) == weights_digest(straight.backbone)
    # A finished run is not run again.
    again = run(tiny_set, recipe, checkpoint=path, curve=points)
    assert points.epochs == [3]
    assert again.card.weights_sha256 == straight.card.weights_sha256
    assert again.card.final_loss == straight.card.final_loss


def test_one_and_two_threads_agree(tiny_set, tiny_recipe):
    recipe = dataclasses.replace(
        tiny_recipe, precision="float32", optimiser="sgd", lr=0.01, epochs=1
    )
    weights = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        weights.append(run(tiny_set, recipe).backbone.state_dict())
    moved = build_backbone("mini-resnet", 0).state_dict()
    for name, one in weights[0].items():
        torch.testing.assert_close(one, weights[1][name], atol=1e-4, rtol=1e-3)
    assert not torch.allclose(weights[0]["trunk.0.weight"], moved["trunk.0.weight"], atol=1e-4)


def test_memory_mapped_arrays_and_tensors_train_alike(tiny_set, tiny_recipe, tmp_path):
    np.save(tmp_path / "images.npy", tiny_set.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    sources = [tiny_set.images, mapped, torch.from_numpy(tiny_set.images)]
    recipe = dataclasses.replace(tiny_recipe, epochs=1)
    cards = [run(TrainingSet(s, tiny_set.labels, 4), recipe).card for s in sources]
    assert len({card.weights_sha256 for card in cards}) == 1
    assert len({card.dataset_sha256 for card in cards}) == 1


def test_bfloat16_and_float32_train_alike(tiny_set, tiny_recipe):
    cards = [
        run(tiny_set, dataclasses.replace(tiny_recipe, precision=precision)).card
        for precision in ("bfloat16", "float32")
    ]
    assert [card.precision for card in cards] == ["bfloat16", "float32"]
    assert cards[0].final_loss == pytest.approx(cards[1].final_loss, rel=0.02)
    assert cards[0].weights_sha256 != cards[1].weights_sha256


def test_a_set_smaller_than_a_batch_is_one_batch(tiny_set, tiny_recipe):
    recipe = dataclasses.replace(tiny_recipe, epochs=2, batch_size=1000)
    points = Points()
    run(tiny_set, recipe, curve=points)
    assert points.epochs == [1, 2]


def test_every_epoch_has_an_order_of_its_own(tiny_set, tiny_recipe, monkeypatch):
    seen = []

    def spy(self, rows, rng):
        seen.append(rows.tolist())
        return torch.zeros(())

    monkeypatch.setattr(module._Run, "_step", spy)
    run(tiny_set, tiny_recipe)
    epochs = [list(itertools.chain(*seen[i : i + 5])) for i in (0, 5, 10)]
    assert all(sorted(order) == list(range(40)) for order in epochs)
    assert all(a != b for a, b in itertools.combinations(epochs, 2))


def test_compilation_is_asked_for(tiny_set, tiny_recipe, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda model: compiled.append(model) or model)
    recipe = dataclasses.replace(tiny_recipe, epochs=1)
    plain = run(tiny_set, recipe)
    assert not compiled
    same = run(tiny_set, dataclasses.replace(recipe, compile=True))
    assert len(compiled) == 1
    assert plain.card.weights_sha256 == same.card.weights_sha256


def test_a_loss_that_is_no_number_is_a_typed_error_and_keeps_the_checkpoint(
    tiny_set, tiny_recipe, tmp_path
):
    path = tmp_path / "c.safetensors"
    broken = dataclasses.replace(
        tiny_recipe, optimiser="sgd", lr=1e30, warmup_epochs=1, warmup_lr=1e-30
    )
    with pytest.raises(DivergedError, match=r"nan .* epoch"):
        run(tiny_set, broken, checkpoint=path)
    assert not path.exists()


def test_out_of_memory_suggests_a_batch_size(tiny_set, tiny_recipe, monkeypatch):
    def greedy(self, rows, rng):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")

    monkeypatch.setattr(module._Run, "_step", greedy)
    with pytest.raises(DeviceMemoryError, match=r"8 images .* batch size of 4"):
        run(tiny_set, tiny_recipe)


def test_other_networks_train(tiny_set, tiny_recipe):
    recipe = dataclasses.replace(tiny_recipe, epochs=1, batch_size=16)
    trained = pretrain(tiny_set, network="resnet18-small", recipe=recipe, seed=0)
    assert trained.backbone.dimension == 512
    with pytest.raises(UnknownNameError, match="Known: mini-resnet"):
        pretrain(tiny_set, network="vgg", recipe=recipe, seed=0)
    with pytest.raises(InvalidInputError, match="seed"):
        run(tiny_set, recipe, seed=-1)
