"""Training: the loop, its data, checkpoints and the final judgement.

Importing the package itself imports no torch; `core.training.trainer` does.
"""
