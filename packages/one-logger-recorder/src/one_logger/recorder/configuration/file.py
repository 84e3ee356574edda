"""Finds and reads the configuration file."""

from __future__ import annotations

import os
import stat

from one_logger.core.spi import near_miss
from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError, Path, Source, UnusableError

PATH_VARIABLE = "ONE_LOGGER_EXPORTER_CONFIG_PATH"
"""The environment variable that names the file."""

DEFAULT_NAMES = tuple(f"one_logger_exporters_config.{extension}" for extension in ("yaml", "yml", "json"))
"""The files to look for in the working directory, in this order."""

MAX_SIZE = 262_144
"""The largest file that is read, in bytes."""

KEYS = ("exporters", "inherit", "one_logger", "processors", "recorder", "$schema")
"""The top-level keys of a file."""


def read(given: str | os.PathLike[str] | None) -> Source | None:
    """Read the configuration file, if there is one. Raises `ExporterConfigError` if it cannot be read."""
    path = find_file(given)
    return None if path is None else read_file(path)


def find_file(given: str | os.PathLike[str] | None = None) -> str | None:
    """The path that is given, else the one in the environment, else the first of `DEFAULT_NAMES` that exists.

    Raises `ExporterConfigError` if what is given is no path.
    """
    if given is not None:
        if not isinstance(given, (str, bytes, os.PathLike)):
            problem = ConfigProblem("the code", None, "config_file", f"is {type(given).__name__}; expected a path.")
            raise ExporterConfigError([problem])
        return os.path.abspath(os.path.expanduser(os.fsdecode(given)))
    if named := os.environ.get(PATH_VARIABLE):
        return os.path.abspath(os.path.expanduser(named))
    return next((os.path.abspath(name) for name in DEFAULT_NAMES if os.path.lexists(name)), None)


def read_file(path: str) -> Source:
    """Read a configuration file: JSON if its name ends in `.json`, else YAML.

    Raises `ExporterConfigError` if it cannot be read or has an unknown top-level key.
    """
    try:
        values, lines = _parsed(_text(path), "JSON" if path.endswith(".json") else "YAML")
    except UnusableError as error:
        problems = [ConfigProblem(path, error.line, "", f"{error}.")]
    else:
        file = Source(path, values, lines)
        problems = []
        for key in values:
            if key not in KEYS:
                hint = near_miss(key, KEYS) or f"expected one of {', '.join(KEYS[:-1])}."
                problems.append(ConfigProblem(path, file.line((key,)), key, f"is no key of such a file; {hint}"))
        if not problems:
            return file
    raise ExporterConfigError(problems)  # out here, where no library's exception hangs on to it


def _parsed(text: str, kind: str) -> tuple[dict[str, object], dict[Path, int]]:
    # A parser is imported only if there is a file for it.
    if kind == "JSON":
        from one_logger.recorder.configuration.json_text import read_json as parse
    else:
        from one_logger.recorder.configuration.yaml_text import read_yaml as parse
    try:
        values, lines = parse(text)
    except UnusableError as error:
        raise UnusableError(f"The file cannot be read as {kind}: {error}", error.line) from None
    if values is not None and not isinstance(values, dict):
        what = "a list" if isinstance(values, list) else "a single value"
        raise UnusableError(f"The file holds {what}; expected a mapping with the key 'exporters'", lines.get(()))
    return values or {}, lines


def _text(path: str) -> str:
    try:
        data = _data(path)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        reason = f"does not exist; correct the path given as config_file, or the environment variable {PATH_VARIABLE}"
    except UnicodeDecodeError as error:
        raise UnusableError("The file is not in UTF-8", data.count(b"\n", 0, error.start) + 1) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        said = error.strerror if isinstance(error, OSError) else str(error)
        reason = f"cannot be read: {said or type(error).__name__}"
    raise UnusableError(f"The file {reason}")


def _data(path: str) -> bytes:
    """The contents of a file. Never waits: refuses a pipe, device or folder, and a file that is too large."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        mode = status.st_mode
        if not stat.S_ISREG(mode):
            pipe = "a pipe" if stat.S_ISFIFO(mode) else "a device or a socket"
            raise UnusableError(f"The path leads to {'a folder' if stat.S_ISDIR(mode) else pipe}; expected a file")
        if status.st_size > MAX_SIZE:
            raise UnusableError(f"The file has {status.st_size} bytes; expected at most {MAX_SIZE}")
        with open(fd, "rb", closefd=False) as file:
            data = file.read(MAX_SIZE + 1)
    finally:
        os.close(fd)
    if len(data) > MAX_SIZE:  # such as one in /proc, which says that it has none
        raise UnusableError(f"The file is too large; expected at most {MAX_SIZE} bytes")
    return data
