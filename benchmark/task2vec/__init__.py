"""Task2Vec: a task as the Fisher information of a probe network that was fitted to it.

Achille et al., "Task2Vec: Task Embedding for Meta-Learning", ICCV 2019; an independent
implementation of the paper and of the released code, ``awslabs/aws-cv-task2vec``.
"""
