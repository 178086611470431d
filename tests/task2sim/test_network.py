import numpy as np
import pytest
import torch

from task2sim.draws import draw_layers
from task2sim.momentum import ModalMomentum
from task2sim.network import ModalLayer, SpanNetwork


def test_gradients_and_steps_equal_autograd_and_torch_sgd():
    rng = np.random.default_rng(0)
    layers = draw_layers(rng, (5, 16, 16, 6))
    network = SpanNetwork(layers, ModalMomentum(0.9, 1e-2))
    parameters = [
        torch.tensor(array, dtype=torch.double, requires_grad=True)
        for layer in layers
        for array in (layer.weights, layer.biases)
    ]
    optimiser = torch.optim.SGD(parameters, lr=1.0, momentum=0.9, weight_decay=1e-2)
    for step in range(300):
        rate = 1e-4 if step < 150 else 1e-3
        network.set_rate(rate)
        optimiser.param_groups[0]["lr"] = rate
        inputs, gradient = rng.normal(size=(3, 5)), rng.normal(size=(3, 6)) * (step % 2)
        ones = np.column_stack([inputs, np.ones(3)]).astype(np.float32)
        network.forward(ones)
        network.step(gradient.astype(np.float32) if step % 2 else None)
        optimiser.zero_grad()
        hidden = torch.tensor(inputs)
        for i in range(0, 6, 2):
            hidden = hidden @ parameters[i].T + parameters[i + 1]
            hidden = torch.relu(hidden) if i < 4 else hidden
        (hidden * torch.tensor(gradient)).sum().backward()
        optimiser.step()
    found = [array for layer in network.layers() for array in (layer.weights, layer.biases)]
    for ours, theirs in zip(found, parameters, strict=True):
        np.testing.assert_allclose(ours, theirs.detach(), atol=1e-4)


def test_without_gradients_weights_only_decay():
    layers = draw_layers(np.random.default_rng(0), (5, 16, 16, 6))
    network = SpanNetwork(layers, ModalMomentum(0.9, 1e-2))
    network.set_rate(1e-3)
    for _ in range(300):
        network.step(None)
    idle = network.layers()[1].weights / layers[1].weights
    assert np.ptp(idle) < 1e-5
    assert 0 < idle.max() < 1


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7])
def test_a_wide_layer_gives_the_plain_products(rows):
    rng = np.random.default_rng(rows)
    (drawn,) = draw_layers(rng, (400, 400))
    layer, mix = ModalLayer(drawn, "single"), (0.7, 0.2)
    layer.stored[:] = rng.normal(size=layer.stored.shape)
    inputs, slopes = (rng.normal(size=(rows, n)).astype(np.float32) for n in (401, 400))
    both = inputs @ layer.stored.T
    plain = both[:, :400] * mix[0] + both[:, 400:] * mix[1]
    found = layer.forward(inputs, mix)
    np.testing.assert_allclose(found, plain, rtol=0, atol=1e-4)
    doubled = np.hstack([slopes * mix[0], slopes * mix[1]])
    back = layer.backward(slopes, mix)
    np.testing.assert_allclose(back, (doubled @ layer.stored)[:, :-1], rtol=0, atol=1e-4)
