"""Images of the downstream tasks: prepared once, verified, decoded once.

A task's data are one Parquet file and its card in the folder ``T2SBENCH_DATA``.
"""
