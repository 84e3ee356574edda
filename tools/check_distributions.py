"""Look into the built distributions: is all there that belongs there, and nothing else?

    python tools/check_distributions.py FOLDER

FOLDER holds one wheel and one sdist for each folder in packages/. Prints a line for each problem, and exits with 1
if there is one.
"""

import re
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Check the folder named on the command line."""
    folder = Path(sys.argv[1])
    packages = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
    problems = [problem for package in packages for problem in _problems(package, folder)]
    print("\n".join(problems) or f"{len(packages)} wheels and sdists: no problem.")
    return 1 if problems else 0


def _problems(package: Path, folder: Path) -> Iterator[str]:
    stem = f"{package.name.replace('-', '_')}-{(ROOT / 'VERSION').read_text().strip()}"
    for name, archived, wanted in (
        (f"{stem}-py3-none-any.whl", _wheel_files, _wanted_in_wheel(package, stem)),
        (f"{stem}.tar.gz", _sdist_files, _wanted_in_sdist(package, stem)),
    ):
        if not (folder / name).is_file():
            yield f"{folder} has no {name}."
            continue
        found = archived(folder / name)
        # Hatchling gives every sdist the .gitignore that ruled its contents, so that a build from it has the same.
        extra = found - wanted - {f"{stem}/.gitignore"}
        yield from (f"{name} has {file}, which doesn't belong there." for file in sorted(extra))
        yield from (f"{name} lacks {file}." for file in sorted(wanted - found))


def _wheel_files(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def _sdist_files(path: Path) -> set[str]:
    with tarfile.open(path) as archive:
        return set(archive.getnames())


def _wanted_in_wheel(package: Path, stem: str) -> set[str]:
    about = {f"{stem}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "licenses/LICENSE")}
    if {"entry-points", "scripts"} & tomllib.loads((package / "pyproject.toml").read_text())["project"].keys():
        about.add(f"{stem}.dist-info/entry_points.txt")
    return about | set(_sources(package / "src", package / "src"))


def _wanted_in_sdist(package: Path, stem: str) -> set[str]:
    about = {f"{stem}/{name}" for name in ("LICENSE", "PKG-INFO", "README.md", "pyproject.toml")}
    return about | {f"{stem}/{file}" for part in ("src", "tests") for file in _sources(package / part, package)}


def _sources(folder: Path, relative_to: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and not re.search(r"/(__pycache__|\.[^/]*)(/|$)", path.as_posix()):
            yield path.relative_to(relative_to).as_posix()


if __name__ == "__main__":
    sys.exit(main())
