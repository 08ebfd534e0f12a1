"""Measurements of a model family rather than of one run."""
