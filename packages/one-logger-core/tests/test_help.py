"""`help()` of everything: of all distributions of one-logger that are installed."""

from __future__ import annotations

from collections.abc import Callable

RENDER = """
import pkgutil, pydoc
import one_logger, one_logger.exporter

for package in (one_logger, one_logger.exporter):  # namespaces, into which no walk goes by itself
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        text = pydoc.plain(pydoc.render_doc(module.name))
        text.encode()
        print(module.name, len(text))
"""


def test_help_of_every_module_can_be_shown(run_script: Callable[..., str]) -> None:
    """`help()` shows each module, with what is in it."""
    lengths = dict(line.split() for line in run_script(RENDER).splitlines())
    assert {"one_logger.core", "one_logger.core.testing", "one_logger.exporter.file"} <= set(lengths)
    assert all(int(length) > 100 for length in lengths.values()), lengths
