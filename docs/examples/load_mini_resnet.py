"""Features of an exported ``mini-resnet`` or ``mini-resnet6`` with PyTorch alone; docs/networks.md.

``mini_resnet(safetensors.torch.load_file("backbone.safetensors"), images)`` maps normalised images
``(n, 3, height, width)`` to features ``(n, 128)``.
"""

import torch.nn.functional as F  # noqa: N812

NORM = ("running_mean", "running_var", "weight", "bias")


def layer(w, x, conv, norm, stride=1):
    x = F.conv2d(x, w[f"{conv}.weight"], None, stride, w[f"{conv}.weight"].shape[-1] // 2)
    return F.batch_norm(x, *(w[f"{norm}.{name}"] for name in NORM))


def mini_resnet(w, x):
    x = layer(w, x, "conv1", "bn1", 2).relu()
    for p in sorted({name[: len("layer1.0")] for name in w if name.startswith("layer")}):
        s = 2 if p in ("layer2.0", "layer3.0") else 1
        y = layer(w, layer(w, x, f"{p}.conv1", f"{p}.bn1", s).relu(), f"{p}.conv2", f"{p}.bn2")
        x = (y + (layer(w, x, f"{p}.downsample.0", f"{p}.downsample.1", s) if s > 1 else x)).relu()
    return x.mean((2, 3))
