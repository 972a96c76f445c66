"""Akin's engine: rankings, data, the ranked loss, training and evaluation, without Qt."""

__version__ = "0.1.0"
