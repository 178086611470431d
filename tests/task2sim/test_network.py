import numpy as np
import torch

from task2sim.draws import draw_layers
from task2sim.momentum import ModalMomentum
from task2sim.network import SpanNetwork


def test_gradients_and_steps_equal_autograd_and_torch_sgd():
    rng = np.random.default_rng(0)
    layers = draw_layers(rng, (5, 16, 16, 6))
    network = SpanNetwork([layers, layers], ModalMomentum(0.9, 1e-2))
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
        network.forward(np.stack([ones, ones]))
        network.step({1: gradient.astype(np.float32)} if step % 2 else {})
        optimiser.zero_grad()
        hidden = torch.tensor(inputs)
        for i in range(0, 6, 2):
            hidden = hidden @ parameters[i].T + parameters[i + 1]
            hidden = torch.relu(hidden) if i < 4 else hidden
        (hidden * torch.tensor(gradient)).sum().backward()
        optimiser.step()
    found = [array for layer in network.layers(1) for array in (layer.weights, layer.biases)]
    for ours, theirs in zip(found, parameters, strict=True):
        np.testing.assert_allclose(ours, theirs.detach(), atol=1e-4)
    # The other policy had no gradient and only decayed.
    idle = network.layers(0)[1].weights / layers[1].weights
    assert np.ptp(idle) < 1e-5
    assert 0 < idle.max() < 1
