"""A JSON file that is written beside the running hub: read again when it changes, the last good content kept."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from traitlets.log import get_logger


class Model(BaseModel):
    """Strict: a key that this version does not know is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=Model)


class HotFile(Generic[M]):
    """A file of one model; the text of one whose name ends with ``.gz`` is compressed.

    :param required: whether its absence is an error; where it is not, no file means no content.
    """

    def __init__(self, path: str | Path, model: type[M], *, required: bool = False) -> None:
        self.path, self.model, self.required = Path(path), model, required
        self._stamp: tuple[int, int, int] | str = ""
        self._content: M | None = None

    def current(self) -> M | None:
        """The last good content, or None when there never was one. Cheap: one look at the file's status."""
        try:
            status = self.path.stat()
        except FileNotFoundError as error:
            if not self.required:
                self._stamp, self._content = "", None
                return None
            self._changed(f"cannot be read: {error.strerror}")
        except OSError as error:
            self._changed(f"cannot be read: {error.strerror}")
        else:
            self._changed((status.st_mtime_ns, status.st_ino, status.st_size))
        return self._content

    def read(self, content: M | None, text: bytes, written: float) -> None:
        """Told of each change: the new content, or None when what is there cannot be used.

        :param text: what was read.
        :param written: when it was written, in seconds since 1970.
        """

    def _changed(self, stamp: tuple[int, int, int] | str) -> None:
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            if isinstance(stamp, str):
                raise OSError(stamp)
            text = self.path.read_bytes()
            if self.path.suffix == ".gz":
                text = gzip.decompress(text)
            content = self.model.model_validate_json(text)
        except (OSError, EOFError, zlib.error, ValidationError) as error:
            now = "the last good one stays in use" if self._content else "it is passed over"
            get_logger().error("%s is not usable, %s: %s", self.path, now, error)
            self.read(None, b"", 0)
            return
        self._content = content
        self.read(content, text, stamp[0] / 1e9)
