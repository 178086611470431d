"""Task2Sim (Mishra et al., CVPR 2022): a policy from Task2Vec to simulator settings."""
