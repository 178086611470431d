"""Pre-training: networks, recipes, augmentation, training, and backbones on disk."""
