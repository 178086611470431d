"""Execution of jobs: in this process, in several processes, on Ray or on Slurm."""
