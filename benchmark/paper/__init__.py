"""The tables and figures of the Task2Sim paper, made from measured records."""
