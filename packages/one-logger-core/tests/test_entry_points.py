"""Entry points of installed distributions: each is read by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path

import pytest

from one_logger.core.spi import distribution_of, entry_points

Reports = Callable[[], list[str]]


def _install(folder: Path, name: str, points: str | bytes, about: str = "Name: {}\nVersion: 1.0\n") -> None:
    path = folder / f"{name}-1.0.dist-info"
    path.mkdir(parents=True)
    if about:
        (path / "METADATA").write_text(about.format(name))
    text = points if isinstance(points, bytes) else f"[shop.things]\n{points}\n".encode()
    (path / "entry_points.txt").write_bytes(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_entry_points_are_sorted(site: Path) -> None:
    """By name, then by distribution."""
    _install(site, "b", "x = b:X\na = b:A")
    _install(site, "a", "x = a:X")
    found = [(point.name, distribution_of(point)) for point in entry_points("shop.things")]
    assert found == [("a", "b 1.0"), ("x", "a 1.0"), ("x", "b 1.0")]
    assert entry_points("shop.others") == []
    assert [point.value for point in entry_points("shop.things", "A")] == ["a:X"]


@pytest.mark.parametrize("broken", [b"[shop.things]\nno value\n", b"[shop.things]\nx = \xff\n"], ids=["line", "bytes"])
def test_what_cannot_be_read_is_left_out(broken: bytes, site: Path, reports: Reports, tmp_path: Path) -> None:
    """The others are there; the log says once which distribution it is, and why."""
    name = f"broken-{broken.isascii()}"
    _install(site, "good", "x = good:X")
    _install(site, name, broken)
    for _ in range(2):
        assert [distribution_of(point) for point in entry_points("shop.things")] == ["good 1.0"]
    (said,) = reports()
    assert said.startswith(f"The entry points of {name} 1.0 can't be read: ")


@pytest.mark.parametrize("about", ["", "Version: 1.0\n"])
def test_a_distribution_without_a_name_is_called_after_its_folder(about: str, site: Path) -> None:
    """Metadata that is not all there keeps nobody from using the entry points."""
    _install(site, "nameless", "x = nameless:X", about)
    (point,) = entry_points("shop.things")
    assert distribution_of(point).startswith(("nameless", "1.0"))


def test_of_two_versions_the_first_counts(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with modules. A folder that has been left behind empty is none of them."""
    _install(site, "acme", "x = acme:Old")
    (site / "first" / "acme-0.9.dist-info").mkdir(parents=True)
    _install(site / "second", "acme", "x = acme:New")
    for folder in ("second", "first"):
        monkeypatch.syspath_prepend(str(site / folder))
    assert [point.value for point in entry_points("shop.things")] == ["acme:New"]


def test_a_finder_that_raises_hides_nothing_before_it(
    site: Path, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs may bring finders of their own, which may fail."""

    class Finder(DistributionFinder):
        def find_distributions(self, context: object = None) -> list[Distribution]:
            raise RuntimeError("no")

        def find_spec(self, *_: object) -> None:
            return None

    _install(site, "good", "x = good:X")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert [distribution_of(point) for point in entry_points("shop.things")] == ["good 1.0"]
    assert reports() == ["The installed distributions can't all be listed: RuntimeError: no"]
