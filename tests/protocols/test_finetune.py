import numpy as np
import pytest
import torch

from benchmark.pretraining.errors import DeviceMemoryError, DivergedError
from benchmark.pretraining.networks import normalise
from benchmark.pretraining.recipes import PAPER
from benchmark.protocols.finetune import finetune
from benchmark.protocols.settings import TrainingPlan
from benchmark.tasks.registry import Training


def tune(backbone, data, seed=0, rate=0.01, **changes):
    plan = TrainingPlan(**{"training": Training(lr=rate, batch_size=32), "epochs": 2} | changes)
    return finetune(backbone, data, plan=plan, rng=np.random.default_rng(seed))


def test_learns_what_the_frozen_features_do_not_show(make_data):
    """A backbone whose features are constant: only a trained one tells the classes apart."""
    from benchmark.pretraining.networks import build_backbone

    dead = build_backbone("mini-resnet", 0)
    norms = [m for m in dead.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    torch.nn.init.constant_(norms[0].weight, 1e-3)
    data = make_data(noise=80.0)
    found = tune(dead, data, epochs=6, training=Training(lr=0.1, batch_size=32))
    assert (found.labels == data.test_labels).mean() > 0.8


def test_is_deterministic_and_leaves_backbone_and_random_state_alone(backbone, make_data):
    data = make_data(64)
    weights = {name: value.clone() for name, value in backbone.state_dict().items()}
    state = torch.get_rng_state()
    first, again, other = (tune(backbone, data, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.scores, again.scores)
    assert not np.array_equal(first.scores, other.scores)
    assert torch.equal(torch.get_rng_state(), state)
    assert not backbone.training
    assert all(torch.equal(value, weights[name]) for name, value in backbone.state_dict().items())


def test_all_weights_are_trained(backbone, make_data, monkeypatch):
    from benchmark.protocols import finetune as module

    kept = []
    original = module._logits
    monkeypatch.setattr(module, "_logits", lambda n, *rest: kept.append(n) or original(n, *rest))
    tune(backbone, make_data(64))
    before = dict(backbone.named_parameters())
    after = dict(kept[0].backbone.named_parameters())
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_a_frozen_backbone_is_trained_too(backbone, make_data):
    wanted = tune(backbone, make_data(64)).scores
    backbone.requires_grad_(requires_grad=False)
    try:
        assert np.array_equal(tune(backbone, make_data(64)).scores, wanted)
        assert not any(p.requires_grad for p in backbone.parameters())
    finally:
        backbone.requires_grad_(requires_grad=True)


def test_low_precision_learns_alike(backbone, make_data):
    data = make_data()
    found = [tune(backbone, data, epochs=4, precision=name) for name in ("float32", "bfloat16")]
    assert not np.array_equal(found[0].scores, found[1].scores)
    assert [(f.labels == data.test_labels).mean() > 0.9 for f in found] == [True, True]


@pytest.mark.parametrize("size", [8, 24])
def test_image_size(backbone, make_data, size):
    data = make_data(64)
    seen = []
    hook = backbone.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0].shape[-1]))
    try:
        tune(backbone, data, epochs=1, image_size=size)
    finally:
        hook.remove()
    assert set(seen) == {size}


def test_test_items_do_not_influence_each_other(backbone, make_data):
    data = make_data(64, 40)
    found = [tune(backbone, data, test_batch_size=size).scores for size in (1, 17, 128)]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-4, atol=1e-5)


def test_divergence_is_told(backbone, make_data):
    with pytest.raises(DivergedError, match=r"(nan|inf|NaN)"):
        tune(backbone, make_data(64), rate=1e20)


def test_a_batch_that_does_not_fit(backbone, make_data, monkeypatch):
    def full(*arguments):
        torch.empty(1 << 55)

    monkeypatch.setattr("benchmark.protocols.finetune.crop_and_resize", full)
    with pytest.raises(DeviceMemoryError, match=r"32 images .* batch size of 16"):
        tune(backbone, make_data(64))


def test_crops_are_the_papers():
    assert (PAPER.crop_scale, PAPER.crop_ratio, PAPER.flip_probability) == (0.08, 4 / 3, 0.5)


def test_training_sees_crops_and_the_test_whole_images(backbone, make_data):
    data, seen = make_data(64, 40), []
    hook = backbone.register_forward_pre_hook(
        lambda module, inputs: seen.append((module.training, inputs[0].detach().clone()))
    )
    try:
        tune(backbone, data, epochs=1, test_batch_size=40)
    finally:
        hook.remove()
    assert [training for training, _ in seen] == [True, True, False]
    torch.testing.assert_close(seen[-1][1], normalise(torch.tensor(data.test_images)))
    wanted = normalise(torch.tensor(data.train_images)).flatten(1)
    distances = torch.cdist(torch.cat([seen[0][1], seen[1][1]]).flatten(1), wanted)
    assert distances.min() > 0.1  # no training image is shown whole
