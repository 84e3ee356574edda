"""Look at a distribution that was installed alone: is what it declares enough, and is there nothing else?

    python -I tools/check_isolated.py DISTRIBUTION

Run it with the interpreter of the environment into which DISTRIBUTION was installed. It exits with 1, and says why,
if a distribution is installed there that DISTRIBUTION doesn't ask for, or if one of its modules can't be imported.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

INSTALLERS = {"pip", "setuptools", "wheel"}  # put there by the environment's maker


def main() -> int:
    """Check the distribution named on the command line."""
    name = _normalized(sys.argv[1])
    installed = {_normalized(distribution.name) for distribution in metadata.distributions()} - INSTALLERS
    problems = [
        f"{extra} is installed, but {name} doesn't ask for it." for extra in sorted(installed - _asked_for(name))
    ]
    modules = _modules(name)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems += filter(None, pool.map(_import_problem, modules))
    print("\n".join(problems) or f"{name}: imported {len(modules)} modules beside {sorted(installed - {name})}.")
    return 1 if problems or not modules else 0


def _asked_for(name: str) -> set[str]:
    """The distribution and, over any number of steps, those that it requires and that are installed.

    It is installed with all of its extras; of those of others nobody knows whether they were asked for.
    """
    found: set[str] = set()
    own = name
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # A marker excludes it here.
        found.add(name)
        waiting += [
            _normalized(re.split(r"[^\w.-]", text)[0]) for text in requirements if name == own or "extra ==" not in text
        ]
    return found


def _modules(name: str) -> list[str]:
    """Every module in the distribution but ``__main__``, whose import runs a command.

    A file whose name is no name of a module, as PyInstaller's hooks, is none.
    """
    files = [
        Path(file)
        for file in metadata.files(name) or []
        if file.suffix == ".py" and file.stem != "__main__" and file.stem.isidentifier()
    ]
    return [".".join((file.parent if file.stem == "__init__" else file.with_suffix("")).parts) for file in files]


def _import_problem(module: str) -> str:
    """Import the module in an interpreter of its own: no other import may have made it possible."""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", f"import {module}"], capture_output=True, text=True, check=False
    )
    return f"{module} can't be imported: {done.stderr}" if done.returncode else ""


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
