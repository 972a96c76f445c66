"""Experiments: many runs planned together, run one after another, summed up and reported."""
