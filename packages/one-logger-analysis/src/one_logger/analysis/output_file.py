"""Writes a file that is there as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


@contextmanager
def output_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of the one at `path` once all is written.

    What is no regular file, as a pipe or `/dev/null`, is written to as it is.

    Raises:
        OSError: It cannot be written. `filename` is the path.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as file:
                yield file
        else:
            with _replacing(os.path.realpath(path)) as file:
                yield file
    except OSError as error:
        # A write says no name, and the name of the file that takes its place is nobody's business. Others are kept.
        if error.filename is None or os.path.basename(error.filename).startswith("."):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise


@contextmanager
def _replacing(path: str) -> Iterator[BinaryIO]:
    folder, name = os.path.split(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # a temporary file is readable for its owner alone
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
