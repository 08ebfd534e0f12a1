"""What models are trained on: text, tokens, images and synthetic sources, one to a file."""

from __future__ import annotations

from runners.corpora.base import Array, Corpus, Examples, Index, Repeated, Rows, Source, Windows
from scalelaw.registry import Registry

CORPORA: Registry[Source] = Registry("runners.corpora", "corpus")

__all__ = ["CORPORA", "Array", "Corpus", "Examples", "Index", "Repeated", "Rows", "Source", "Windows"]
