"""The configuration file: where it is looked for, and how it is read."""

from __future__ import annotations

import os
import stat

from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError, Path, Source, path_text

PATH_VARIABLE = "ONE_LOGGER_EXPORTER_CONFIG_PATH"
"""The environment variable that names the file."""

DEFAULT_NAMES = tuple(f"one_logger_exporters_config.{extension}" for extension in ("yaml", "yml", "json"))
"""The files that are looked for in the working directory, in this order."""

MAX_SIZE = 262_144
"""How many bytes a file may have."""

KEYS = ("exporters", "inherit", "one_logger", "processors", "recorder", "$schema")
"""What a file may have at its top."""


class ConfigFile:
    """What a configuration file says.

    Args:
        path: Where it is.
        values: What is in it.
        lines: The line of each value.
    """

    def __init__(self, path: str, values: dict[str, object], lines: dict[Path, int]) -> None:
        self.path = path
        self.values = values
        self.source = Source("file", path, lines)


def find_file(given: str | os.PathLike[str] | None = None) -> str | None:
    """The path of the file to read, None if there is none to be read.

    It is the one given, else the one that the environment names, else the first of `DEFAULT_NAMES` that exists.

    Raises:
        ExporterConfigError: What is given is no path.
    """
    if given is not None:
        if not isinstance(given, (str, bytes, os.PathLike)):
            problem = ConfigProblem("the code", None, "config_file", f"is {type(given).__name__}; expected a path.")
            raise ExporterConfigError([problem])
        return os.path.abspath(os.fsdecode(given))
    if named := os.environ.get(PATH_VARIABLE):
        return os.path.abspath(named)
    return next((os.path.abspath(name) for name in DEFAULT_NAMES if os.path.lexists(name)), None)


def read_file(path: str) -> ConfigFile:
    """Read a configuration file. One that ends in `.json` is JSON, any other YAML.

    Raises:
        ExporterConfigError: It cannot be read, or something stands in it that belongs into no such file.
    """
    # The two parsers are imported by those who have a file.
    from one_logger.recorder.configuration.json_text import read_json
    from one_logger.recorder.configuration.yaml_text import TextError, read_yaml

    text = _text(path)
    kind = "JSON" if path.endswith(".json") else "YAML"
    failure: tuple[str, int | None] | None = None
    value: object = None
    lines: dict[Path, int] = {}
    try:
        value, lines = read_json(text) if kind == "JSON" else read_yaml(text)
    except TextError as error:
        failure = f"The file cannot be read as {kind}: {error}.", error.line
    if failure is not None:  # raised out here, where no library's exception hangs on to it
        raise ExporterConfigError([ConfigProblem(path, failure[1], "", failure[0])])
    if value is None:
        value = {}
    if not isinstance(value, dict):
        what = "a list" if isinstance(value, list) else "a single value"
        raise _error(path, f"The file holds {what}; expected a mapping with the key 'exporters'.", lines.get(()))
    file = ConfigFile(path, value, lines)
    problems = [
        ConfigProblem(path, file.source.line((key,)), path_text((key,)), f"is no key of such a file; {_expected(key)}")
        for key in value
        if key not in KEYS
    ]
    if problems:
        raise ExporterConfigError(problems)
    return file


def _expected(key: str) -> str:
    from one_logger.recorder.configuration.problem import near_miss

    return near_miss(key, KEYS) or f"expected one of {', '.join(KEYS[:-1])}."


def _error(path: str, message: str, line: int | None = None) -> ExporterConfigError:
    return ExporterConfigError([ConfigProblem(path, line, "", message)])


def _text(path: str) -> str:
    data = _data(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    raise _error(path, "The file is not in UTF-8.", line)


def _data(path: str) -> bytes:
    """The contents of a file. Never waits: a pipe, a device or a folder is refused, and so is a file that is large."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = _reason(error)
    else:
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                reason = f"The path leads to {_kind(status.st_mode)}; expected a file"
            elif status.st_size <= MAX_SIZE:
                with open(fd, "rb", closefd=False) as file:
                    data = file.read(MAX_SIZE + 1)
                if len(data) <= MAX_SIZE:
                    return data
                reason = f"The file is too large; expected at most {MAX_SIZE} bytes"
            else:
                reason = f"The file has {status.st_size} bytes; expected at most {MAX_SIZE}"
        except OSError as error:
            reason = _reason(error)
        finally:
            os.close(fd)
    raise _error(path, f"{reason}.")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return (
            "The file does not exist; correct the path given as config_file, or the environment variable "
            f"{PATH_VARIABLE}"
        )
    strerror = error.strerror if isinstance(error, OSError) else str(error)
    return f"The file cannot be read: {strerror or type(error).__name__}"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device or a socket"
