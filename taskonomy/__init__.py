"""Taskonomy (Zamir et al., CVPR 2018): which few sources serve every task, and how well.

Four steps, each a module that can be used alone: transfers (:mod:`taskonomy.transfers`) are put on
one scale by a tournament (:mod:`taskonomy.tournament`, :mod:`taskonomy.affinity`), an integer
program chooses sources under a budget (:mod:`taskonomy.problem`, :mod:`taskonomy.program`), win
rates against references say what the choice is worth (:mod:`taskonomy.metrics`). No step needs a
network or images: the input is losses or correctness per test item, a table of affinities, or
rewards.
"""
