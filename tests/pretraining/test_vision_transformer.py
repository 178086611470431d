import pytest
import torch

from benchmark.pretraining.networks import build_backbone
from benchmark.pretraining.vision_transformer import VIT_TINY_SMALL


def images(*shape):
    return torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "patch"), [("vit-tiny", 16), ("vit-tiny-small", 4)])
def test_images_of_any_size_fit(name, patch):
    backbone = build_backbone(name, 0)
    assert backbone.trunk.patch == patch
    for shape in ((32, 32), (40, 24), (33, 32)):
        with torch.no_grad():
            assert backbone(images(*shape)).shape == (2, 192)


def test_sides_are_filled_up_with_zeros():
    backbone = build_backbone(VIT_TINY_SMALL, 0)
    given = images(30, 31)
    filled = torch.nn.functional.pad(given, (0, 1, 0, 2))
    with torch.no_grad():
        torch.testing.assert_close(backbone(given), backbone(filled))


def test_positions_are_distinct_and_stretch_with_the_image():
    trunk = build_backbone(VIT_TINY_SMALL, 0).trunk
    usual, large = trunk.positions(8, 8)[0], trunk.positions(16, 16)[0]
    assert usual.shape == (64, 192)
    distances = torch.cdist(usual, usual) + 10 * torch.eye(64)
    assert distances.min() > 0.1
    # Four patches of the large image lie where one of the usual image lies.
    middle = large.view(8, 2, 8, 2, 192).mean(dim=(1, 3)).view(64, 192)
    nearest = torch.cdist(middle, usual).argmin(dim=1)
    assert torch.equal(nearest, torch.arange(64))


def test_order_of_patches_matters():
    backbone = build_backbone(VIT_TINY_SMALL, 0)
    given = images(32, 32)
    with torch.no_grad():
        found, turned = backbone(given), backbone(given.flip(-1))
    assert not torch.allclose(found, turned, atol=1e-3)


def test_stochastic_depth_drops_branches_of_images_in_training():
    block = build_backbone(VIT_TINY_SMALL, 0, drop_path=0.5).trunk.blocks[-1].train()
    assert block.drop_path == 0.5
    torch.manual_seed(0)
    branch = torch.ones(4000, 3, 2)
    dropped = block._dropped(branch)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert (dropped.amin(dim=(1, 2)) == dropped.amax(dim=(1, 2))).all()
    assert abs(dropped.mean() - 1) < 0.07
    assert torch.equal(block.eval()._dropped(branch), branch)
