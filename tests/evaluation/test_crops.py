import math

import numpy as np
import pytest
import torch
from torchvision import transforms

from benchmark.evaluation import crops
from benchmark.evaluation.crops import draw_boxes, random_crops, resized


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_boxes_are_distributed_as_torchvisions():
    boxes = draw_boxes(20_000, generator()).numpy()
    left, top, width, height = boxes.T
    assert (boxes >= 0).all()
    assert (left + width <= 1 + 1e-6).all()
    assert (top + height <= 1 + 1e-6).all()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        image = torch.zeros(3, 1000, 1000)
        scale, ratio = (0.08, 1.0), (3 / 4, 4 / 3)
        drawn = [transforms.RandomResizedCrop.get_params(image, scale, ratio) for _ in range(6000)]
    their_top, their_left, their_height, their_width = np.array(drawn).T / 1000
    for ours, theirs in (
        (width * height, their_width * their_height),
        (np.log(width / height), np.log(their_width / their_height)),
        (left, their_left),
        (top, their_top),
    ):
        # Largest distance of the distributions (Kolmogorov-Smirnov); 0.03 has p < 0.001 here.
        grid = np.linspace(min(ours.min(), theirs.min()), max(ours.max(), theirs.max()), 200)
        shares = [np.searchsorted(np.sort(v), grid, "right") / len(v) for v in (ours, theirs)]
        assert np.abs(shares[0] - shares[1]).max() < 0.03


def test_crops_show_the_boxes(monkeypatch):
    """On an image whose colours are its coordinates, a crop says where it was taken."""
    side = 64
    axis = (torch.arange(side) + 0.5) / side
    image = torch.stack([axis.expand(side, side), axis[:, None].expand(side, side)])
    image = torch.cat([image, torch.ones(1, side, side)]).expand(200, -1, -1, -1)
    drawn = []
    original = crops.draw_boxes
    monkeypatch.setattr(crops, "draw_boxes", lambda n, g: drawn.append(original(n, g)) or drawn[-1])
    found = random_crops(image, 32, generator())
    left, top, width, height = drawn[0].T[:, :, None]
    centres = (torch.arange(32) + 0.5) / 32
    across, down = found[:, 0, 16], found[:, 1, :, 16]
    mirrored = across[:, 0] > across[:, -1]
    across = torch.where(mirrored[:, None], across.flip(1), across)
    edge = 0.5 / side  # beyond the centres of the outermost pixels their colour is kept
    torch.testing.assert_close(across, (left + width * centres).clamp(edge, 1 - edge))
    torch.testing.assert_close(down, (top + height * centres).clamp(edge, 1 - edge))
    assert 70 < mirrored.sum() < 130


def test_crops_repeat_and_take_bytes():
    images = torch.randint(0, 256, (5, 3, 20, 20), dtype=torch.uint8, generator=generator(1))
    first, again = (random_crops(images, 12, generator()) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (5, 3, 12, 12)
    assert first.min() >= 0
    assert first.max() <= 255
    assert not torch.equal(first, random_crops(images, 12, generator(2)))


def test_the_whole_image_where_no_attempt_fits(monkeypatch):
    monkeypatch.setattr(crops, "_LOG_RATIO", (math.log(50), math.log(60)))
    assert draw_boxes(4, generator()).tolist() == [[0, 0, 1, 1]] * 4


@pytest.mark.parametrize("size", [8, 20, 33])
def test_resized_keeps_the_scale(size):
    images = torch.full((2, 3, 20, 20), 77, dtype=torch.uint8)
    torch.testing.assert_close(resized(images, size), torch.full((2, 3, size, size), 77.0))
