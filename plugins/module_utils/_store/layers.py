# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers of an OCI image, judged and applied one over the other.

What is in a layer is somebody else's word: each entry is judged by its header before it is written. What comes out has
plain names only, and nothing but folders, files and links in it. A link may point anywhere, as it is followed in a
session only: nothing is at home behind one that leads out of the image.

:func:`write` reads an image once where no file of a layer takes the place of another one, which is the usual case, and
twice where one does: only then it is known what is in it.

Source: OCI image specification 1.1, "Image Layer Filesystem Changeset".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import IO, Callable, Protocol

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import tar

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
LATEST = 2**33  # seconds: what any file system can keep
LONGEST_NAME, LONGEST_PATH = 255, 4095  # bytes: what Linux can open
DEEPEST = 200  # folders in each other: what removes or packs them calls itself for each
LINKS = 40  # that Linux follows in one path
REMEDY = "build the image again, without it"


@dataclass
class File:
    """A file, by one or more names; its content is in an uncompressed layer.

    :param path: where it is in its layer, with a slash before it.
    :param layer: number of the layer.
    :param start: where the content begins in it, and ``size`` is how long it is, in bytes.
    :param changed: time of its last change, in seconds.
    """

    path: str
    layer: int
    start: int
    size: int
    program: bool
    changed: float


@dataclass
class Link:
    """A symbolic link."""

    target: str
    changed: float


@dataclass
class Folder:
    """A folder; ``path`` is where it is, empty for the image's root. One that no layer names has changed at 0."""

    path: str
    changed: float = 0
    entries: dict[str, File | Link | Folder] = field(default_factory=dict)


@dataclass
class Listing:
    """What is in an image, sorted by path; folders stand before what is in them.

    :param files: by layer, in the order of their content: each file by one of its names.
    :param again: further names of files, each with that one.
    """

    folders: list[Folder]
    links: list[tuple[str, Link]]
    files: list[list[tuple[str, File]]]
    again: list[tuple[str, str]]

    @property
    def inodes(self) -> int:
        """How many folders, files and links there are."""
        return len(self.folders) + len(self.links) + sum(len(files) for files in self.files)


class Writer(Protocol):
    """Writes an image down."""

    def file(self, path: str, file: File, content: tar.Content) -> None:
        """Write a file; its folders may not be there yet."""

    def finish(self, listing: Listing) -> None:
        """Write the rest."""


Opened = Callable[[], "AbstractContextManager[IO[bytes]]"]


def write(
    reference: str,
    layers: Sequence[Opened],
    writing: Callable[[], AbstractContextManager[Writer]],
) -> None:
    """Write an image down.

    :param reference: for messages.
    :param layers: each opens an uncompressed layer.
    :param writing: gives a writer; what a former one wrote is given up.
    :raises VreError: for an entry that is refused, or a layer that is no tar archive.
    """
    image = Image(reference)
    with writing() as writer:
        for opened in layers:
            with _reading(opened, reference) as stream:
                image.layer(stream, writer.file)
        if not image.revised:
            writer.finish(image.listing())
            return
    listing = image.listing()
    with writing() as writer:
        for opened, files in zip(layers, listing.files):
            if files:
                with _reading(opened, reference) as stream:
                    content = tar.Content(stream)
                    for path, file in files:
                        writer.file(path, file, content)
        writer.finish(listing)


@contextmanager
def _reading(opened: Opened, reference: str) -> Iterator[IO[bytes]]:
    try:
        with opened() as stream:
            yield stream
    except ValueError as error:
        raise VreError(f"a layer is no tar archive: {error}", reference, None, "push the image again") from error


class Image:
    """Takes layers in their order.

    :param reference: for messages.
    """

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.revised = False  # something that was handed on is not in the image any more
        self._root = Folder("")
        self._layers = 0
        self._resolved: dict[str, Folder] = {}

    def layer(self, stream: IO[bytes], write: Callable[[str, File, tar.Content], None]) -> None:
        """Apply one uncompressed layer.

        :param write: takes each file, until the image is revised.
        :raises VreError: for an entry that is refused.
        :raises ValueError: when it is no tar archive.
        """
        made = {""}
        content = tar.Content(stream)
        for entry in tar.entries(content):
            file = self._apply(entry, made)
            if file is not None and not self.revised:
                write(file.path, file, content)
        self._layers += 1

    def listing(self) -> Listing:
        """What is in the image after all layers."""
        found = Listing([self._root], [], [[] for _layer in range(self._layers)], [])
        names: dict[int, tuple[File, list[str]]] = {}
        for path, node in _walk(self._root):
            if isinstance(node, Folder):
                found.folders.append(node)
            elif isinstance(node, Link):
                found.links.append((path, node))
            else:
                names.setdefault(id(node), (node, []))[1].append(path)
        for file, paths in names.values():
            name = file.path if file.path in paths else paths[0]
            found.files[file.layer].append((name, file))
            found.again += [(path, name) for path in paths if path != name]
        for files in found.files:
            files.sort(key=lambda item: item[1].start)
        return found

    def _refused(self, message: str, name: str) -> VreError:
        return VreError(message, self.reference, name, REMEDY)

    def _parts(self, name: str) -> list[str]:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in name:
            raise self._refused("a layer has a path that leads out of the image", name)
        return parts

    def _apply(self, entry: tar.Entry, made: set[str]) -> File | None:
        """Apply one entry; gives the file that it brings.

        :param made: paths of what this layer has, which its whiteouts do not mean.
        """
        parts = self._parts(entry.name)
        if not abs(entry.changed) < LATEST:  # nor is it one when it is no number
            raise self._refused("a layer has a time that no file can have", entry.name)
        if not parts:
            self._root.changed = entry.changed
            return None
        folder, base = self._folder(parts[:-1], entry.name), parts[-1]
        if base == OPAQUE:
            self._hide(folder, list(folder.entries), made)
            return None
        if base.startswith(WHITEOUT):
            self._hide(folder, [self._whited_out(base, entry.name)], made)
            return None
        path = f"{folder.path}/{base}"
        file = self._add(entry, folder, base, path)
        while path not in made:
            made.add(path)
            path = path.rpartition("/")[0]
        return file

    def _whited_out(self, base: str, name: str) -> str:
        hidden = base[len(WHITEOUT) :]
        if hidden in ("", ".", ".."):
            raise self._refused("a layer has a whiteout of nothing", name)
        return hidden

    def _folder(self, parts: list[str], name: str) -> Folder:
        """The real folder that an entry goes into; it is made where a layer did not name it."""
        key = "/".join(parts)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(parts, name)
        return self._resolved[key]

    def _resolve(self, parts: list[str], name: str) -> Folder:
        way, ahead, links = [self._root], parts[::-1], 0
        while ahead:
            part = ahead.pop()
            if part in ("", "."):
                continue
            if part == "..":
                way.pop()
                if not way:
                    raise self._refused("a layer writes through a link that leads out of the image", name)
                continue
            node = way[-1].entries.get(part) or self._make_folder(way[-1], part, name)
            if isinstance(node, Folder):
                way.append(node)
            elif isinstance(node, File):
                raise self._refused("a layer puts an entry below a file", name)
            elif node.target.startswith("/") or links == LINKS:
                raise self._refused("a layer writes through a link that leads out of the image", name)
            else:
                links += 1
                ahead += node.target.split("/")[::-1]
        return way[-1]

    def _make_folder(self, parent: Folder, base: str, name: str) -> Folder:
        self._check_length(parent, base, name)
        if parent.path.count("/") >= DEEPEST:
            raise self._refused("a layer has a path that is too long", name)
        found = parent.entries[base] = Folder(f"{parent.path}/{base}")
        return found

    def _check_length(self, parent: Folder, base: str, name: str) -> None:
        if 4 * len(base) <= LONGEST_NAME and 4 * len(parent.path) < LONGEST_PATH - LONGEST_NAME:
            return  # whatever letters these are
        length = len(base.encode("utf-8", "surrogateescape"))
        if length > LONGEST_NAME or len(parent.path.encode("utf-8", "surrogateescape")) + 1 + length > LONGEST_PATH:
            raise self._refused("a layer has a path that is too long", name)

    def _add(self, entry: tar.Entry, folder: Folder, base: str, path: str) -> File | None:
        there = folder.entries.get(base)
        if entry.kind == tar.FOLDER:
            if not isinstance(there, Folder):
                self._remove(folder, base)
                there = self._make_folder(folder, base, entry.name)
            there.changed = entry.changed
            return None
        self._check_length(folder, base, entry.name)
        if entry.kind == tar.HARD_LINK:
            self._link(entry, folder, base)
            return None
        self._remove(folder, base)
        if entry.kind == tar.FILE:
            program = bool(entry.mode & 0o111)
            file = File(path, self._layers, entry.start, entry.size, program, entry.changed)
            folder.entries[base] = file
            return file
        if entry.kind == tar.LINK:
            folder.entries[base] = Link(self._target(entry), entry.changed)
            return None
        what = "a sparse file, which is not read" if entry.kind == tar.SPARSE else "a device or a pipe"
        raise self._refused(f"a layer has {what}", entry.name)

    def _target(self, entry: tar.Entry) -> str:
        target = entry.target
        if not target or "\0" in target or len(target.encode("utf-8", "surrogateescape")) > LONGEST_PATH:
            raise self._refused("a layer has a link to what no path can be", entry.name)
        return target

    def _link(self, entry: tar.Entry, folder: Folder, base: str) -> None:
        """Another name for what has one already."""
        parts = self._parts(entry.target)
        if not parts:
            raise self._refused("a hard link leads to nothing", entry.name)
        home = self._folder(parts[:-1], entry.name)
        node = home.entries.get(parts[-1])
        if node is None or isinstance(node, Folder):
            why = "it leads to nothing" if node is None else "it leads to a folder"
            raise self._refused(f"a hard link cannot be made: {why}", entry.name)
        if folder.entries.get(base) is not node:
            self._remove(folder, base)
            folder.entries[base] = node

    def _hide(self, folder: Folder, names: list[str], made: set[str]) -> None:
        """Take away what lower layers have there; what this layer has stays."""
        ahead = [(folder, name) for name in names]
        while ahead:
            parent, name = ahead.pop()
            node = parent.entries.get(name)
            if f"{parent.path}/{name}" not in made:
                self._remove(parent, name)
            elif isinstance(node, Folder):
                ahead += [(node, below) for below in node.entries]

    def _remove(self, folder: Folder, base: str) -> None:
        node = folder.entries.pop(base, None)
        if isinstance(node, (Folder, Link)):
            self._resolved.clear()
        if isinstance(node, File) or (isinstance(node, Folder) and node.entries):
            self.revised = True


def _walk(folder: Folder) -> Iterator[tuple[str, File | Link | Folder]]:
    """Everything below a folder, sorted."""
    for name, node in sorted(folder.entries.items()):
        yield f"{folder.path}/{name}", node
        if isinstance(node, Folder):
            yield from _walk(node)
