"""Images, tables and other media of a run: files, where they need no more than the script has loaded."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .messages import passed_over
from .run_config import plain


class Media:
    """Something that a run may log beside numbers. ``save`` writes it to a path without an ending."""

    folder, kind = "media", "media"

    def __init__(self, data_or_path: Any = None, *args: Any, caption: str | None = None, **options: Any) -> None:
        self.data, self.caption, self.args, self.options = data_or_path, caption, args, options

    def save(self, path: str) -> str | None:
        """Write the file, and return its path; None where it cannot be kept."""
        if isinstance(self.data, str | os.PathLike) and os.path.isfile(self.data):
            import shutil  # 3 ms

            ending = os.path.splitext(self.data)[1]
            return str(shutil.copyfile(self.data, path + ending))
        return self._written(path)

    def _written(self, path: str) -> str | None:
        return None


class Image(Media):
    """An image: a file, an array, a tensor, or an image of Pillow or figure of Matplotlib."""

    folder, kind = "media/images", "images"

    def _written(self, path: str) -> str | None:
        data = self.data
        if hasattr(data, "savefig") or hasattr(data, "gcf"):
            return figure(data, path)
        if isinstance(data, Image):
            return data.save(path)
        if not hasattr(data, "save"):
            data = _picture(data)
        if data is None:
            return None
        data.save(f"{path}.png")
        return f"{path}.png"


def figure(given: Any, path: str) -> str | None:
    """Write a figure of Matplotlib (or its module pyplot, for the current one) or of Plotly."""
    if hasattr(given, "write_html"):
        given.write_html(f"{path}.html")
        return f"{path}.html"
    shown = given.gcf() if hasattr(given, "gcf") else given
    shown.savefig(f"{path}.png")
    return f"{path}.png"


def is_figure(value: Any) -> bool:
    """Whether a value is a figure, or the module pyplot."""
    return any(callable(getattr(value, name, None)) for name in ("savefig", "write_html"))


def _picture(data: Any) -> Any:
    """Return an array or tensor as an image of Pillow; None without Pillow, or where it is none."""
    try:
        import numpy as np  # the script has loaded it, if it has arrays
        from PIL import Image as pillow
    except ImportError:
        return None
    if hasattr(data, "detach"):
        data = data.detach().cpu().numpy()
        data = np.moveaxis(data, 0, -1) if data.ndim == 3 and data.shape[0] in (1, 3, 4) else data
    array = np.asarray(data)
    if array.ndim not in (2, 3) or array.dtype == object:
        return None
    if array.dtype != np.uint8:
        low, high = float(array.min()), float(array.max())
        scaled = array if high > 1 or low < 0 else array * 255
        scaled = (array - low) / max(high - low, 1e-12) * 255 if low < 0 else scaled
        array = np.clip(scaled, 0, 255).astype(np.uint8)
    return pillow.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)


class Table(Media):
    """A table: its columns, and rows of values."""

    folder, kind = "media/table", "tables"

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(None, **options)
        frame = dataframe if dataframe is not None else data if hasattr(data, "columns") else None
        if frame is not None:
            columns, data = list(frame.columns), frame.to_numpy().tolist()
        given = data if data is not None else rows
        self.data: list[list[Any]] = [list(row) for row in given] if given is not None else []
        width = len(self.data[0]) if self.data else 3
        self.columns = list(columns) if columns is not None else [f"c{i}" for i in range(width)]

    def add_data(self, *data: Any) -> None:
        """Add a row."""
        self.data.append(list(data))

    def add_row(self, *row: Any) -> None:
        """Add a row."""
        self.add_data(*row)

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Add a column."""
        self.columns.append(name)
        values = list(data)
        self.data = [*self.data, *([] for _ in range(len(values) - len(self.data)))]
        for row, value in zip(self.data, values, strict=False):
            row.append(value)

    def get_column(self, name: str, convert_to: str | None = None) -> list[Any]:
        """Return the values of a column."""
        place = self.columns.index(name)
        return [row[place] for row in self.data]

    def save(self, path: str) -> str | None:
        """Write the table as JSON, with texts in place of what JSON has not."""
        rows = [[cell.caption if isinstance(cell, Media) else plain(cell) for cell in row] for row in self.data]
        with open(f"{path}.table.json", "w", encoding="utf-8") as file:
            json.dump({"columns": self.columns, "data": rows}, file)
        return f"{path}.table.json"


class Html(Media):
    """A page of HTML: its text, or a file."""

    folder, kind = "media/html", "pages"

    def _written(self, path: str) -> str | None:
        text = self.data.read() if hasattr(self.data, "read") else self.data
        if not isinstance(text, str):
            return None
        with open(f"{path}.html", "w", encoding="utf-8") as file:
            file.write(text)
        return f"{path}.html"


class Plotly(Media):
    """A figure of Plotly, or of Matplotlib."""

    folder, kind = "media/plotly", "figures of Plotly"

    def _written(self, path: str) -> str | None:
        return figure(self.data, path) if is_figure(self.data) else None


class Histogram(Media):
    """A histogram, which is passed over."""

    kind = "histograms"

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64) -> None:
        super().__init__(None)


class Video(Media):
    """A video: a file of it is kept."""

    folder, kind = "media/videos", "videos of arrays"


class Audio(Media):
    """A sound: a file of it is kept."""

    folder, kind = "media/audio", "sounds of arrays"


class Object3D(Media):
    """A 3D object: a file of it is kept."""

    folder, kind = "media/object3D", "3D objects of arrays"


class Molecule(Media):
    """A molecule: a file of it is kept."""

    folder, kind = "media/molecule", "molecules that are no files"


class Graph(Media):
    """A graph of a network, which is passed over."""

    kind = "graphs of networks"


class CustomChart(Media):
    """What the functions of ``wandb.plot`` return: its table is kept."""

    folder, kind = "media/table", "charts without a table"

    def __init__(self, table: Any = None, **options: Any) -> None:
        super().__init__(None, **options)
        self.table = table

    def save(self, path: str) -> str | None:
        """Write the chart's table."""
        return self.table.save(path) if isinstance(self.table, Table) else None


class Keeper:
    """Writes media into the run's folder; ``keep`` tells that a file there is to be kept."""

    def __init__(self, folder: str, keep: Callable[[str, str], None]) -> None:
        self._folder, self._keep = folder, keep

    def media(self, name: str, value: Any, step: int) -> bool:
        """Keep a value that is media, or a list of it, and return whether it was one."""
        items = value if isinstance(value, list | tuple) else [value]
        if not items or not all(isinstance(item, Media) or is_figure(item) for item in items):
            return False
        for place, item in enumerate(items):
            one = item if isinstance(item, Media) else Image(item) if hasattr(item, "savefig") else Plotly(item)
            self._one(name if len(items) == 1 else f"{name}_{place}", one, step)
        return True

    def _one(self, name: str, item: Media, step: int) -> None:
        clean = "".join(sign if sign.isalnum() or sign in "-_./" else "_" for sign in name).replace("..", "_")
        short = f"{item.folder}/{clean.strip('/')}_{step}"
        path = f"{self._folder}/{short}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        written = None
        if not isinstance(item, Histogram | Graph):
            try:
                written = item.save(path)
            except Exception as error:  # noqa: BLE001 - a library may raise anything, and no training ends by a picture
                sys.stderr.write(f"wandb: {name} is not kept: {type(error).__name__}: {error}\n")
                return
        if written is None:
            passed_over(item.kind)
        else:
            self._keep(os.path.relpath(written, self._folder), written)
