"""Task2Vec: a task as the Fisher information of a probe network that was fitted to it.

Achille et al., "Task2Vec: Task Embedding for Meta-Learning", ICCV 2019; the released code is
``awslabs/aws-cv-task2vec``. What both do is written anew here.
"""
