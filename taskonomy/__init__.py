"""Taskonomy (Zamir et al., CVPR 2018): the choice of a few sources that serve every task.

Three steps, each usable alone: a tournament (:mod:`taskonomy.tournament`,
:mod:`taskonomy.affinity`) puts transfers (:mod:`taskonomy.transfers`) on one scale, an integer
program chooses sources under a budget (:mod:`taskonomy.problem`, :mod:`taskonomy.program`), and win
rates against references measure the result. No step needs a network or images: the input is losses
or correctness per test item, a table of affinities, or rewards.
"""
