"""Finds what installed distributions register: exporters, processors and default configurations."""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract
from typing import TYPE_CHECKING

from one_logger.core.spi import distribution_of, entry_points, error_text, near_miss
from one_logger.recorder.configuration.kind import EXPORTER, Kind
from one_logger.recorder.configuration.problem import UnusableError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

CONFIGS = "one_logger.exporter_configs"
"""The group of entry points for default configurations: lists of entries, or functions that return one."""

_PORTION = "one_logger.exporter."


def label(point: EntryPoint) -> str:
    """The name of a package's default configuration in messages."""
    return f"{distribution_of(point)} (entry point {point.name})"


def load_config(point: EntryPoint) -> object:
    """The default configuration of an entry point, or of the function it names, or `UnusableError`."""
    provided = _load(point)
    try:
        return provided() if callable(provided) else provided
    except (Exception, SystemExit) as error:
        raised = type(error).__name__
        raise UnusableError(f"The entry point {point.name!r} is a function that raised {raised}.") from None


def types(kind: Kind) -> list[str]:
    """The names of all types that are installed."""
    return sorted({*kind.own, *(point.name for point in entry_points(kind.group))})


def class_of_type(kind: Kind, name: str) -> type:
    """The class of a type: one of ours, or one that an installed distribution has registered by this name.

    Only for a name that is not ours are all distributions looked at, and no other class is imported. Raises
    `UnusableError` if there is none or several, or if it cannot be imported or is of another kind.
    """
    if name in kind.own:
        return class_of_name(kind, kind.own[name])
    ours = kind.distributions.get(name)
    found = [p for p in entry_points(kind.group, ours and ours.strip("'").partition("[")[0]) if p.name == name]
    if not found:
        names = types(kind)
        hint = _pip_install(name, kind) or near_miss(name, names)
        raise UnusableError(
            f"names no {kind.noun} that is installed{f'; {hint}' if hint else '.'} Installed: {', '.join(names)}."
        )
    if len(found) > 1:
        owners = " and ".join(map(distribution_of, found))
        raise UnusableError(f"is the name of {kind.one} in {owners}; give a class_name instead.")
    (point,) = found
    return _checked(_load(point), f"{point.value}, which {distribution_of(point)} has registered by this name,", kind)


def class_of_name(kind: Kind, name: str) -> type:
    """The class with this dotted name: `package.module.Class` or `package.module:Class`.

    Raises `UnusableError` if there is no such class, its module cannot be imported, or it is of another kind.
    """
    module_name, _, attributes = name.partition(":") if ":" in name else name.rpartition(".")
    if not module_name or not all(part.isidentifier() for part in [*module_name.split("."), *attributes.split(".")]):
        raise UnusableError("is no dotted name of a class; expected one such as 'package.module.Class'.")
    try:
        found: object = import_module(module_name)
    except (Exception, SystemExit) as error:
        raise UnusableError(f"cannot be imported: {_said(error)}{_hint(error, module_name)}") from None
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except Exception:
            near = near_miss(attribute, dir(found))
            hint = f"; {near}" if near else "."
            raise UnusableError(f"names nothing: {module_name} has no {attribute!r}{hint}") from None
    return _checked(found, "this", kind)


def _load(point: EntryPoint) -> object:
    try:
        loaded: object = point.load()
    except (Exception, SystemExit) as error:
        about = f"The entry point {point.name!r} of {distribution_of(point)} ({point.value})"
        raise UnusableError(f"{about} cannot be loaded: {_said(error)}{_hint(error)}") from None
    return loaded


def _checked(found: object, what: str, kind: Kind) -> type:
    """The class, if it is one of this kind. Nothing else is called: a configuration file must not start a process."""
    if isinstance(found, type) and issubclass(found, kind.base):
        if not isabstract(found):
            return found
        missing = ", ".join(sorted(vars(found)["__abstractmethods__"]))
        raise UnusableError(f"cannot be used: {what} is abstract; it lacks {missing}.")
    noun = kind.noun if isinstance(found, type) else "class"
    raise UnusableError(f"cannot be used: {what} is no {noun}; expected a subclass of {kind.base_name}.")


def _said(error: BaseException) -> str:
    text = error_text(error).rstrip(".")
    return f"{type(error).__name__}: {text}." if text else f"{type(error).__name__}."


def _hint(error: BaseException, wanted: str = "") -> str:
    """How to install the module that the import of `wanted` misses, if it is one of our exporters."""
    if not isinstance(error, ModuleNotFoundError):
        return ""
    portion = wanted.removeprefix(_PORTION).partition(".")[0] if wanted.startswith(_PORTION) else ""
    missing = (error.name or "").removeprefix(_PORTION)
    hint = _pip_install(missing, EXPORTER) or _pip_install(portion, EXPORTER)
    return f" {hint}" if hint else ""


def _pip_install(name: str, kind: Kind) -> str:
    return f"pip install {kind.distributions[name]} brings it." if name in kind.distributions else ""
