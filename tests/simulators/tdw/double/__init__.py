"""A test double for a ThreeDWorld build: another process that speaks TDW's wire protocol.

It is written from TDW's documentation and shares no code with the simulator that it tests; its
answers are encoded with the FlatBuffers package from PyPI. It validates commands, keeps the state
that they set, draws a simple picture of it, keeps a journal of its commands, and fails on demand:

    python -m tests.simulators.tdw.double --port 1071 --journal journal.jsonl --fault crash@5
"""
