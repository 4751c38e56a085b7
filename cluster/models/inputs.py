"""Reads what is to be predicted from files, in parts that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cluster.models.tables import TableRows
from cluster.models.takes import WORDS, Takes
from workloads.arrays import DataError

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

IMAGES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
IMAGES_AT_ONCE: Final = 256
NUMBERS_AT_ONCE: Final = 10_000
LINES_AT_ONCE: Final = 1_000
TEXTS: Final = ".txt"
TAGGED: Final = (".conll", ".iob", ".iob2", ".bio")
"""Endings of files with a word a line, as the training's."""
ARRAY: Final = ".npy"
AS_UTF_8: Final = "; it must be a text in UTF-8"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some of the rows of a file."""

    rows: Any
    """What the model takes: a DataFrame, or an array."""
    shown: Any
    """DataFrame of the input's own columns, with the same index as the predictions."""
    first: Sequence[str] = ()
    """Those of them that tell which row is which, and go before the predictions in any case."""
    truth: Any = None
    """Series of what is to be predicted, where the file has it."""


@dataclass(kw_only=True)
class Inputs:
    """Files with rows for a model."""

    files: Sequence[Path]
    takes: Takes
    data: Data
    details: Mapping[str, Any] = field(default_factory=dict)
    """Further facts of the sweep's data card."""
    notes: list[str] = field(default_factory=list)

    def parts(self) -> Iterator[Part]:
        """Yield the rows. Raises DataError where a file cannot be read, or is none that the model takes."""
        if self.takes.form == "images" and not self._are_arrays:
            yield from self._images()
            return
        for file in self.files:
            if file.is_dir():
                raise DataError(f"{file} is a folder, and the model takes {self._wanted}")
            if self.takes.form == "series":
                yield self._series(file)
            elif file.suffix.lower() == ARRAY:
                yield from self._array(file)
            elif file.suffix.lower() == TEXTS and self.takes.form == "rows":
                yield from self._texts(file)
            elif file.suffix.lower() in TAGGED and self.takes.problem == "tagging":
                yield from self._tagged(file)
            else:
                yield from self._rows(file)

    @property
    def _are_arrays(self) -> bool:
        return all(file.suffix.lower() == ARRAY for file in self.files)

    @property
    def _wanted(self) -> str:
        if self.takes.columns:
            return f"the columns {', '.join(self.takes.needed[:12])}"
        return "a series" if self.takes.form == "series" else "numbers"

    def _rows(self, file: Path) -> Iterator[Part]:
        kinds = {column.name: column.kind for column in self.takes.columns}
        lists = WORDS if self.takes.problem == "tagging" else None
        table = TableRows(file, self.data, kinds, self.takes.needed, lists)
        for frame in table.parts():
            self.notes += [
                f"{file.name}: {note}" for note in table.notes if f"{file.name}: {note}" not in self.notes
            ]
            truth = frame[self.takes.target] if self.takes.target in frame.columns else None
            rows = frame if self.takes.columns else self._matrix(frame, file)
            yield Part(rows=rows, shown=frame, truth=truth)

    def _matrix(self, frame: Any, file: Path) -> Any:
        """Return the cells of a frame as float64 (rows, *shape), by name where the data has names.

        The target is left out.
        """
        import numpy as np
        import pandas as pd

        cells = frame.drop(columns=[self.takes.target], errors="ignore")
        num = int(np.prod(self.takes.shape))
        if set(self.takes.features) <= set(cells.columns) and len(self.takes.features) == num:
            cells = cells[list(self.takes.features)]
        elif there := set(self.takes.features) & set(cells.columns):
            gone = [name for name in self.takes.features if name not in there]
            raise DataError(f"{file.name}: the rows must have the columns {', '.join(map(repr, gone))}, too")
        if other := [name for name in cells if not pd.api.types.is_numeric_dtype(cells[name])]:
            raise DataError(f"{file.name}: the model takes {num} numbers a row, column {other[0]!r} holds words")
        if cells.shape[1] != num:
            raise DataError(f"{file.name}: the model takes {num} numbers a row, received {cells.shape[1]} columns")
        return cells.to_numpy("float64").reshape(-1, *self.takes.shape)

    def _array(self, file: Path) -> Iterator[Part]:
        import numpy as np
        import pandas as pd

        try:
            found = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{file} cannot be read: {error}") from error
        if found.shape[1:] != self._shape or found.dtype.kind not in "biuf":
            wanted = self._wanted if self.takes.columns else f"(rows, {', '.join(map(str, self.takes.shape))})"
            received = f"an array {found.shape} of {found.dtype}"
            raise DataError(f"{file.name}: the model takes {wanted}, received {received}")
        kind = np.uint8 if self.takes.form == "images" else np.float64
        if kind == np.uint8 and found.dtype != kind:
            raise DataError(f"{file.name}: the model takes pixels as uint8, received {found.dtype}")
        num = IMAGES_AT_ONCE if self.takes.form == "images" else NUMBERS_AT_ONCE
        for start in range(0, len(found), num):
            part = np.array(found[start : start + num], kind)
            index = pd.RangeIndex(start + 1, start + 1 + len(part))
            rows = pd.DataFrame(part, index, self.takes.names) if self.takes.columns else part
            yield Part(rows=rows, shown=pd.DataFrame(index=index))

    @property
    def _shape(self) -> tuple[int, ...] | None:
        """Shape of an example in an array; None where the model takes columns that are no numbers."""
        if not self.takes.columns:
            return self.takes.shape
        return (len(self.takes.columns),) if all(c.kind == "number" for c in self.takes.columns) else None

    def _texts(self, file: Path) -> Iterator[Part]:
        import pandas as pd

        if len(self.takes.needed) != 1:
            raise DataError(f"{file.name}: a file of lines has one text a row, and the model takes {self._wanted}")
        first = 1
        try:
            with file.open(encoding="utf-8-sig") as lines:
                while texts := [line.rstrip("\n") for line in islice(lines, LINES_AT_ONCE)]:
                    index = pd.RangeIndex(first, first := first + len(texts))
                    frame = pd.DataFrame({self.takes.names[0]: texts}, index=index, dtype=object)
                    yield Part(rows=frame, shown=frame)
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{file} cannot be read: {error}{AS_UTF_8}") from error

    def _tagged(self, file: Path) -> Iterator[Part]:
        import pandas as pd

        from workloads.data.tagged.conll_file import read_conll  # 20 ms

        found = [list(sentence.words) for sentence in read_conll(str(file), self.data)]
        self.notes.append(f"{file.name}: its labels are not compared with the predicted ones")
        for start in range(0, len(found), LINES_AT_ONCE):
            some = pd.Series(found[start : start + LINES_AT_ONCE], dtype=object)
            frame = pd.DataFrame({WORDS: some}).set_axis(some.index + start + 1)
            yield Part(rows=frame, shown=frame)

    def _images(self) -> Iterator[Part]:
        import numpy as np
        import pandas as pd

        from workloads.data.sources.image_pixels import Depth, Levels  # 100 ms: pandas
        from workloads.data.sources.images import Encoded, ImagesRead, read_image

        files = [file for given in self.files for file in _image_files(given)]
        known, depth = self.details, Depth()
        if "bits" in known:
            depth = Depth(int(known["bits"]), Levels(float(known["lowest_value"]), float(known["highest_value"])))
        how = ImagesRead("the images", shape=self.takes.shape, depth=depth)
        labelled = all(file.parent.name in self.takes.classes for file in files)
        for start in range(0, len(files), IMAGES_AT_ONCE):
            some = files[start : start + IMAGES_AT_ONCE]
            try:
                pixels = np.stack([read_image(Encoded(str(file), file), how) for file in some])
            except DataError as error:
                raise DataError(f"{str(error).partition(' (data.skip_bad')[0]}: take it away") from error
            shown = pd.DataFrame({"file": [str(file) for file in some]})
            truth = pd.Series([file.parent.name for file in some]) if labelled else None
            yield Part(rows=pixels, shown=shown, first=("file",), truth=truth)

    def _series(self, file: Path) -> Part:
        """Return the last window of each series in a file."""
        import numpy as np
        import pandas as pd

        from workloads.data.sources.series_steps import read_steps  # 100 ms: pandas

        if self.data.inputs:
            raise DataError("the model takes inputs of later steps, too: give it windows by mlflow.pyfunc")
        window = int(self.details["window"])
        found = read_steps(str(file), self.data.model_copy(update={"series": str(file)}))
        for steps in found:
            if len(steps.values) < window or not np.isfinite(steps.values[-window:]).all():
                name = f" {steps.name!r}" if steps.name else ""
                raise DataError(f"{file.name}: series{name} must end in {window} steps without a gap")
        last = np.stack([steps.values[-window:, :1] for steps in found]).astype("float64")
        shown = pd.DataFrame({"series": [steps.name or file.name for steps in found]})
        shown["after"] = [steps.moments[-1] for steps in found]
        return Part(rows=last, shown=shown, first=("series", "after"))


def _image_files(given: Path) -> list[Path]:
    """Return the images of a folder, of a list of paths, or the image itself. Raises DataError without any."""
    if given.is_dir():
        found = sorted(path for path in given.rglob("*") if path.suffix.lower() in IMAGES)
        if not found:
            raise DataError(f"{given} holds no images ({', '.join(IMAGES)})")
        return found
    if not given.is_file():
        raise DataError(f"there is no file {given}")
    if given.suffix.lower() == TEXTS:
        try:
            lines = given.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{given} cannot be read: {error}{AS_UTF_8}") from error
        found = [given.parent / line.strip() for line in lines if line.strip()]
        if gone := [path for path in found if not path.is_file()]:
            raise DataError(f"{given}: there is no file {gone[0]} ({len(gone)} of {len(found)} are not there)")
        return found
    if given.suffix.lower() not in IMAGES:
        raise DataError(f"{given.name}: the model takes images: a folder, files, or a .txt of their paths")
    return [given]
