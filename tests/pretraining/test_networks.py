import pytest
import torch
from torch import nn

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.pretraining.backbone_io import weights_digest
from benchmark.pretraining.networks import (
    DropPathNorm,
    Network,
    attach_head,
    build_backbone,
    fold_norms,
    normalise,
    seeded,
)

DIMENSIONS = {
    "mini-resnet": 128,
    "mini-resnet6": 128,
    "resnet18": 512,
    "resnet18-small": 512,
    "resnet50": 2048,
}


@pytest.mark.parametrize("name", DIMENSIONS)
def test_features_are_the_pooled_positive_maps_of_the_last_stage(name):
    backbone = build_backbone(name, seed=0)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    features, maps = backbone(images), backbone.trunk(images)
    assert features.shape == (2, backbone.dimension)
    assert backbone.dimension == DIMENSIONS[name]
    assert features.min() >= 0
    torch.testing.assert_close(features, maps.flatten(2).mean(2))
    assert not backbone.training


@pytest.mark.parametrize(("name", "depth"), [("resnet18", 18), ("resnet50", 50)])
def test_torchvision_networks_equal_torchvisions(name, depth):
    from torchvision import models

    theirs = getattr(models, f"resnet{depth}")().eval()
    ours = build_backbone(name, seed=1, drop_path=0.1)
    state = {n.removeprefix("trunk."): t for n, t in ours.state_dict().items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["fc.weight", "fc.bias"], [])
    theirs.fc = nn.Identity()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(images), theirs(images))


def test_a_small_stem_keeps_the_resolution():
    images = torch.zeros(1, 3, 32, 32)
    assert build_backbone("resnet18-small", 0).trunk(images).shape == (1, 512, 4, 4)
    assert build_backbone("resnet18", 0).trunk(images).shape == (1, 512, 1, 1)
    assert build_backbone("mini-resnet", 0).trunk(images).shape == (1, 128, 4, 4)
    assert build_backbone("mini-resnet6", 0).trunk(images).shape == (1, 128, 4, 4)


@pytest.mark.parametrize("name", DIMENSIONS)
def test_folded_norms_give_the_same_features(name):
    backbone = build_backbone(name, 0, drop_path=0.1)
    generator = torch.Generator().manual_seed(0)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after training
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(generator=generator)
            module.running_mean.normal_(std=0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    before = weights_digest(backbone)
    folded = fold_norms(backbone.train())
    images = torch.randn(3, 3, 64, 64, generator=generator)
    with torch.no_grad():
        features, found = backbone.eval()(images), folded(images)
    torch.testing.assert_close(found, features, rtol=1e-3, atol=1e-4 * float(features.max()))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert weights_digest(backbone) == before


def test_weights_are_a_function_of_name_and_seed():
    first, again, other = (build_backbone("mini-resnet", seed) for seed in (3, 3, 4))
    assert weights_digest(first) == weights_digest(again) != weights_digest(other)
    heads = [attach_head(first, 5, seed).head.weight for seed in (1, 1, 2)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_a_network_of_fixed_features_gets_a_classifier():
    fixed = Network("channels", lambda rate: nn.Flatten(), 12)
    classifier = attach_head(build_backbone(fixed, 0), 5, 0)
    assert classifier(torch.ones(2, 3, 2, 2)).shape == (2, 5)


def test_the_global_random_state_is_untouched():
    torch.manual_seed(11)
    before = torch.get_rng_state()
    attach_head(build_backbone("mini-resnet", 0), 3, seed=5)
    with seeded(9):
        inside = torch.rand(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert inside == torch.rand(1, generator=torch.Generator().manual_seed(9))


def test_the_last_norm_of_every_block_begins_at_zero():
    for name in DIMENSIONS:
        last = [m for m in build_backbone(name, 0).modules() if hasattr(m, "bn2")]
        assert last
        for block in last:
            norm = block.bn3 if hasattr(block, "bn3") else block.bn2
            assert isinstance(norm, DropPathNorm)
            assert norm.weight.abs().max() == 0


@pytest.mark.parametrize(
    ("name", "blocks"),
    [("mini-resnet", 6), ("mini-resnet6", 2), ("resnet18", 8), ("resnet50", 16)],
)
def test_drop_path_rises_linearly_to_its_rate(name, blocks):
    backbone = build_backbone(name, 0, drop_path=0.3)
    modules = [m for m in backbone.modules() if hasattr(m, "bn2")]
    rates = [(m.bn3 if hasattr(m, "bn3") else m.bn2).drop_path for m in modules]
    assert rates == pytest.approx([0.3 * i / (blocks - 1) for i in range(blocks)])
    assert sum(m.drop_path for m in backbone.modules() if isinstance(m, DropPathNorm)) == (
        pytest.approx(sum(rates))
    )


def test_drop_path_drops_whole_images_and_keeps_the_expectation():
    norm = DropPathNorm(2, drop_path=0.25).train()
    maps = torch.randn(4000, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    plain = nn.BatchNorm2d(2).train()(maps)
    with seeded(0):
        dropped = norm(maps)
    kept = dropped.flatten(1).abs().sum(1) > 0
    torch.testing.assert_close(dropped[kept], plain[kept] / 0.75)
    assert abs(kept.float().mean() - 0.75) < 0.03  # 4.4 standard deviations
    torch.testing.assert_close(
        norm.eval()(maps), nn.functional.batch_norm(maps, norm.running_mean, norm.running_var)
    )


def test_normalise_equals_torchvision():
    from torchvision.transforms import v2

    pixels = torch.randint(0, 256, (3, 3, 5, 4), dtype=torch.uint8)
    theirs = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    torch.testing.assert_close(normalise(pixels), theirs(pixels))


def test_bad_input_is_said_in_one_sentence():
    with pytest.raises(UnknownNameError, match="'mini-resnet'"):
        build_backbone("mini_resnet", 0)
    with pytest.raises(InvalidInputError, match="drop-path rate"):
        build_backbone("mini-resnet", 0, drop_path=1.0)
    with pytest.raises(InvalidInputError, match=r"seed .* -1"):
        build_backbone("mini-resnet", -1)
    with pytest.raises(InvalidInputError, match="two classes"):
        attach_head(build_backbone("mini-resnet", 0), 1, 0)
    for wrong in (torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4, dtype=torch.uint8)):
        with pytest.raises(InvalidInputError, match="uint8"):
            normalise(wrong)


def test_a_network_that_misstates_its_features_is_refused():
    images = torch.zeros(2, 3, 32, 32)
    right = Network("right", lambda _: nn.Conv2d(3, 5, 3), 5)
    assert build_backbone(right, 0)(images).shape == (2, 5)
    for wrong in (
        Network("wrong", lambda _: nn.Conv2d(3, 5, 3), 6),
        Network("wrong", lambda _: nn.Flatten(2), 3),
    ):
        with pytest.raises(InvalidInputError, match="wrong"):
            build_backbone(wrong, 0)(images)
