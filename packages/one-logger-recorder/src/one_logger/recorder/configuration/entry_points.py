"""What installed distributions offer: exporters and processors by name, and default configurations."""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract

from one_logger.core.spi import error_text
from one_logger.recorder.configuration.kind import EXPORTER, Kind
from one_logger.recorder.configuration.problem import near_miss

CONFIGS = "one_logger.exporter_configs"
"""The group of entry points that are lists of entries, or functions that return one."""

_PORTION = "one_logger.exporter."


class NotLoadedError(Exception):
    """An object cannot be had. Its message goes with the place where it was asked for."""


def installed(group: str) -> list[EntryPoint]:
    """The entry points of a group, by name and distribution. Nothing is imported for it.

    Raises:
        NotLoadedError: The metadata of the installed distributions cannot be read.
    """
    try:
        points = set(entry_points(group=group))
    except Exception as error:
        raise NotLoadedError(f"The installed distributions cannot be listed: {_said(error)}") from None
    return sorted(points, key=lambda point: (point.name, distribution(point), point.value))


def distribution(point: EntryPoint) -> str:
    """The name and version of the distribution that an entry point is part of."""
    try:
        return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown distribution"
    except Exception:  # its metadata is broken, and that says so in different ways
        return "an unknown distribution"


def load(point: EntryPoint) -> object:
    """What an entry point stands for.

    Raises:
        NotLoadedError: It cannot be imported.
    """
    try:
        loaded: object = point.load()
    except (Exception, SystemExit) as error:
        raise NotLoadedError(
            f"The entry point {point.name!r} of {distribution(point)} ({point.value}) cannot be loaded: "
            f"{_said(error)}{_hint(error)}"
        ) from None
    return loaded


def class_of_type(kind: Kind, name: str) -> type:
    """The exporter or processor that has been given this name by an installed distribution. No other one is imported.

    Raises:
        NotLoadedError: There is none of this name, or several, or what there is cannot be imported or is of another
            kind.
    """
    points = installed(kind.group)
    found = [point for point in points if point.name == name]
    if not found:
        names = list(dict.fromkeys(point.name for point in points))
        hint = _pip_install(name, kind) or near_miss(name, names)
        raise NotLoadedError(
            f"names no {kind.noun} that is installed{f'; {hint}' if hint else '.'} "
            f"Installed: {', '.join(names) or 'none'}."
        )
    if len(found) > 1:
        owners = " and ".join(distribution(point) for point in found)
        raise NotLoadedError(f"is the name of {kind.one} in {owners}; give a class_name instead.")
    what = f"{found[0].value}, which {distribution(found[0])} has registered by this name,"
    return _checked(load(found[0]), what, kind)


def class_of_name(kind: Kind, name: str) -> type:
    """The class with this dotted name: `package.module.Class` or `package.module:Class`.

    Raises:
        NotLoadedError: There is no such class, its module cannot be imported, or it is of another kind.
    """
    module_name, _, attributes = name.partition(":") if ":" in name else name.rpartition(".")
    if not module_name or not all(part.isidentifier() for part in [*module_name.split("."), *attributes.split(".")]):
        raise NotLoadedError("is no dotted name of a class; expected one such as 'package.module.Class'.")
    try:
        found: object = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        hint = _hint(error) or _known_module(module_name, error)
        raise NotLoadedError(f"cannot be imported: {_said(error)}{hint}") from None
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except Exception:
            near = near_miss(attribute, dir(found))
            raise NotLoadedError(
                f"names nothing: {module_name} has no {attribute!r}{f'; {near}' if near else '.'}"
            ) from None
    return _checked(found, "this", kind)


def _checked(found: object, what: str, kind: Kind) -> type:
    """A class that may be constructed. Anything else stays untouched: who writes a file must not start a process."""
    if not isinstance(found, type):
        raise NotLoadedError(f"cannot be used: {what} is no class; expected a subclass of {kind.base_name}.")
    if not issubclass(found, kind.base):
        raise NotLoadedError(f"cannot be used: {what} is no {kind.noun}; expected a subclass of {kind.base_name}.")
    if isabstract(found):
        missing = ", ".join(sorted(vars(found)["__abstractmethods__"]))
        raise NotLoadedError(f"cannot be used: {what} is abstract; it lacks {missing}.")
    return found


def _said(error: BaseException) -> str:
    text = error_text(error).rstrip(".")
    return f"{type(error).__name__}: {text}." if text else f"{type(error).__name__}."


def _hint(error: BaseException) -> str:
    """How to install what an import has missed, if it is one of ours."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return f" {hint}" if missing and (hint := _pip_install(missing.removeprefix(_PORTION), EXPORTER)) else ""


def _known_module(module: str, error: BaseException) -> str:
    portion = module.removeprefix(_PORTION).partition(".")[0]
    hint = _pip_install(portion, EXPORTER) if module.startswith(_PORTION) else ""
    return f" {hint}" if hint and isinstance(error, ModuleNotFoundError) else ""


def _pip_install(name: str, kind: Kind) -> str:
    return f"pip install {kind.distributions[name]} brings it." if name in kind.distributions else ""
