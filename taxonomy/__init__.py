"""Taskonomy (Zamir et al., CVPR 2018): which few sources serve every task, and how well.

Four steps, each a module that can be used alone: transfers (:mod:`taxonomy.transfers`) are put on
one scale by a tournament (:mod:`taxonomy.tournament`, :mod:`taxonomy.affinity`), an integer
program chooses sources under a budget (:mod:`taxonomy.problem`, :mod:`taxonomy.program`), win rates
against references say what the choice is worth (:mod:`taxonomy.metrics`). No step needs a network
or images: the input is losses or correctness per test item, a table of affinities, or rewards.
"""
