"""Keeps pictures of epochs as MLflow's logged images too: its charts show them as a grid with a slider of epochs.

MLflow's client would name each image by time and chance, so that one that is sent again would be there twice. Here
its name is the same whenever it is sent. Files, names and tag are those of ``log_image`` of MLflow 3.17.
"""

from __future__ import annotations

import io
import re
import uuid
from typing import Final

from tracking import names
from tracking.store.open import Store
from tracking.store.records import Place, RunChange
from tracking.writer.events import Artifact, ContentKept, Event

PATH: Final = re.compile(r"(?P<key>[a-zA-Z0-9_\-. ][a-zA-Z0-9_\-./ ]{0,99})/e(?P<epoch>\d{4,9})\.png")
"""Artifact that is a picture of an epoch: ``samples/e0012.png``. MLflow's UI reads no key with other characters."""
FOLDER: Final = "images"
SMALL_SIDE: Final = 256
"""Pixels of the longer side of the copy that the grid shows."""


def series(path: str) -> tuple[str, int] | None:
    """Return key and epoch of the picture that the artifact is, ``("samples", 12)``; None where it is none."""
    found = PATH.fullmatch(path)
    return None if found is None else (found["key"], int(found["epoch"]))


def files(path: str, content: bytes) -> dict[str, bytes]:
    """Return the artifacts of a PNG picture as a logged image: itself and a small copy. Empty where it is none."""
    if (found := series(path)) is None:
        return {}
    from PIL import Image, UnidentifiedImageError  # 60 ms: only where there are pictures

    small = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content)) as image:
            longer = max(image.size)
            sides = [max(1, round(side * SMALL_SIDE / longer)) for side in image.size]
            image.resize((sides[0], sides[1])).save(small, "WEBP")
    except (UnidentifiedImageError, OSError, ValueError):  # it stays the artifact that it is
        return {}
    key, epoch = found
    unique = uuid.uuid5(uuid.NAMESPACE_URL, path)
    name = f"{FOLDER}/{key.replace('/', '~')}+step+{epoch}+timestamp+0+{unique}"
    return {f"{name}.png": content, f"{name}+compressed.webp": small.getvalue()}


class Pictures:
    """Pictures of one sweep that MLflow has."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, int]] = {}
        self._tagged: set[str] = set()

    @property
    def epochs(self) -> dict[str, int]:
        """By key, the last epoch of which all runs with pictures have one: by it they can be compared."""
        return {key: min(last.values()) for key, last in self._last.items()}

    def note(self, event: Event) -> None:
        """Take note of an event that MLflow has."""
        found = series(event.path) if isinstance(event, ContentKept) else None
        if found is not None:
            key, epoch = found
            last = self._last.setdefault(key, {})
            last[event.key] = max(epoch, last.get(event.key, 0))

    def keep(self, store: Store, place: Place, event: Artifact, run_id: str) -> None:
        """Store an artifact of a run as a logged image too, if it is a picture. Raises Refused or Away."""
        if not (found := files(event.path, event.data)):
            return
        for name, content in found.items():
            store.log_bytes(run_id, content, name)
        if run_id not in self._tagged:
            store.send(place, [RunChange(key=event.key, tags={names.LOGGED_IMAGES: "True"})], {event.key: run_id})
            self._tagged.add(run_id)
        self.note(event)
