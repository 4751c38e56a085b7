"""Media, under the name that W&B has for their module."""

from __future__ import annotations

from .media import (
    Audio,
    CustomChart,
    Graph,
    Histogram,
    Html,
    Image,
    Media,
    Molecule,
    Object3D,
    Plotly,
    Table,
    Video,
)

WBValue = Media
__all__ = [
    "Audio",
    "CustomChart",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "Media",
    "Molecule",
    "Object3D",
    "Plotly",
    "Table",
    "Video",
    "WBValue",
]
