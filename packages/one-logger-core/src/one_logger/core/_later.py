"""Names of a package that are imported when they are used for the first time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping


def imported_later(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """A `__getattr__` for a package (PEP 562).

    Args:
        package: The name of the module that the names belong to.
        modules: By name, in which module of `one_logger.core` it is.
    """

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        value: object = getattr(import_module(f"one_logger.core.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
