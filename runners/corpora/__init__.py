"""Corpora that need no network, one to a file."""

from __future__ import annotations

from runners.corpora.base import Corpus
from scalelaw.registry import Registry

CORPORA: Registry[Corpus] = Registry("runners.corpora", "corpus")

__all__ = ["CORPORA", "Corpus"]
