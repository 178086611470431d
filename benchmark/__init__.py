"""t2sbench: which simulator settings render the best pre-training data for a task?"""
