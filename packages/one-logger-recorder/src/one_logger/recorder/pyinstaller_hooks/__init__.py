"""What PyInstaller has to know of this distribution: it asks by the entry point `hook-dirs` of `pyinstaller40`."""

from __future__ import annotations

import os


def hook_dirs() -> list[str]:
    """The folder of the hooks."""
    return [os.path.dirname(__file__)]
