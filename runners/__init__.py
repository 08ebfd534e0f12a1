"""Runners train model families across width, depth and tokens, and log what scaling laws are fitted to."""
