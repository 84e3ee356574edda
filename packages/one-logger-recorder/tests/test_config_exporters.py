"""From entries to exporters: which class, whether it may be constructed, and all or nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from one_logger.exporter.file import FileExporter
from one_logger.exporter.logger import LoggerExporter
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import ExporterConfigError, build_exporters

Install = Callable[..., Path]
Problems = Callable[..., list[str]]

SHOP = """
from one_logger.core import Exporter
from one_logger.exporter.memory import InMemoryExporter

log = []

class Memory(InMemoryExporter):
    class Inner(InMemoryExporter):
        pass
    def __init__(self, name="", **options):
        super().__init__()
        self.options = options
        log.append(f"made {name}")
        if name == "odd":
            raise ValueError(f"{name} is odd.")
        if name == "leaving":
            raise SystemExit(f"{name} leaves")
    def close(self):
        log.append("closed")
        raise RuntimeError("cannot be closed")

class Positional(InMemoryExporter):
    def __init__(self, here, /, there=1):
        super().__init__()

class Impostor(InMemoryExporter):
    def __new__(cls):
        return "something else"

class Abstract(Exporter):
    pass

def function():
    log.append("called")
"""


@pytest.fixture
def shop(install: Install, start_up: Path) -> None:
    """A module with exporters of all kinds, two of which have names."""
    install("shop", {"shop": SHOP}, exporters={"shop": "shop:Memory", "function": "shop:function"})


def shop_log() -> list[str]:
    """What the exporters of the shop have noted."""
    log: list[str] = sys.modules["shop"].log
    return log


def test_core_registers_its_exporters(start_up: Path) -> None:
    """`file`, `logger` and `memory` are there without being asked for."""
    built = build_exporters(
        [
            {"type": "file", "config": {"file_path": "a.jsonl"}},
            {"type": "logger", "config": {"logger": "telemetry"}},
            {"type": "memory"},
        ]
    )
    assert [type(exporter) for exporter in built.values()] == [FileExporter, LoggerExporter, InMemoryExporter]
    assert list(start_up.iterdir()) == []  # building opens nothing


@pytest.mark.parametrize("name", ["shop.Memory", "shop:Memory", "shop:Memory.Inner"])
def test_any_class_can_be_named(shop: None, name: str) -> None:
    """A class without an entry point is named by its module; the exporter is called after it."""
    ((key, exporter),) = build_exporters([{"class_name": name}]).items()
    assert type(exporter).__name__ == key == name.rpartition(".")[2].rpartition(":")[2]


def test_a_distribution_may_register_exporters(shop: None) -> None:
    """What stands in the group of entry points is available by its name."""
    assert type(build_exporters([{"type": "shop", "config": {"a": 1}}])["shop"]).__name__ == "Memory"


def test_only_what_is_named_is_imported(install: Install, start_up: Path) -> None:
    """A broken exporter harms nobody who doesn't use it."""
    install("broken", {"broken": "raise RuntimeError('no')"}, exporters={"broken": "broken:Exporter"})
    install("unused", {"unused": "class Exporter: pass"}, exporters={"unused": "unused:Exporter"})
    assert list(build_exporters([{"type": "memory"}])) == ["memory"]
    assert not {"broken", "unused"} & set(sys.modules)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"type": "memroy"}, "type is 'memroy', which names no exporter that is installed; did you mean 'memory'?"),
        ({"type": "function"}, "shop:function, which shop 1.0 has registered by this name, is no class; expected a"),
        ({"class_name": "subprocess.Popen"}, "class_name is 'subprocess.Popen', which cannot be used: this is no exp"),
        ({"class_name": "os:system"}, "this is no class; expected a subclass of one_logger.core.Exporter."),
        ({"class_name": "shop.Abstract"}, "this is abstract; it lacks after_fork, close, "),
        ({"class_name": "one_logger.core.Exporter"}, "this is abstract; it lacks "),
        ({"class_name": "shop.Memry"}, "which names nothing: shop has no 'Memry'; did you mean 'Memory'?"),
        ({"class_name": "shop:Memory.Outer"}, "which names nothing: shop has no 'Outer'"),
        ({"class_name": "shopp.Memory"}, "which cannot be imported: ModuleNotFoundError: No module named 'shopp'."),
        ({"class_name": "Memory"}, "which is no dotted name of a class; expected one such as 'package.module.Class'."),
        ({"class_name": "shop/../x.Memory"}, "which is no dotted name of a class; "),
        ({"class_name": "shop.Positional"}, "config is refused by Positional, which raised TypeError"),
        ({"class_name": "shop.Positional", "config": {"her": 1}}, "her is no argument of Positional; did you mean"),
        ({"class_name": "shop.Impostor"}, "which makes a str, which is no exporter."),
        ({"type": "memory", "config": {"a": 1}}, "config.a is no argument of InMemoryExporter; it takes none."),
        ({"type": "file"}, "config.file_path is missing; FileExporter needs it. Expected a text or a path."),
    ],
    ids=str,
)
def test_what_cannot_be_an_exporter_is_never_constructed(
    shop: None, problems: Problems, entry: dict[str, object], sentence: str
) -> None:
    """The class and its arguments are looked at first. What is wrong comes with what is near and how to get it."""
    assert sentence in problems([entry])[0]


def test_popen_is_not_run(problems: Problems, start_up: Path) -> None:
    """Whoever may write a configuration file may not start processes with it."""
    problems([{"class_name": "subprocess.Popen", "config": {"args": ["touch", str(start_up / "touched")]}}])
    assert list(start_up.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import grpcc", "cannot be loaded: ModuleNotFoundError: No module named 'grpcc'."),
        ("raise SystemExit", "cannot be loaded: SystemExit."),
        ("1 +", "cannot be loaded: SyntaxError: "),
    ],
)
def test_a_broken_exporter_is_a_problem_where_it_is_named(
    install: Install, problems: Problems, code: str, sentence: str
) -> None:
    """It is said which distribution it is part of, and what happened."""
    install("acme", {"acme": code}, exporters={"acme": "acme:Exporter"})
    (problem,) = problems([{"type": "acme"}])
    assert "The entry point 'acme' of acme 1.0 (acme:Exporter)" in problem
    assert sentence in problem


OURS = ["core", "api", "recorder", "exporter.file", "exporter.logger", "exporter.memory"]


def test_a_known_distribution_that_is_missing_comes_with_its_pip_line(tmp_path: Path) -> None:
    """By type, by class and by what an import has missed: it is said what to install. Seen where it isn't there."""
    for name in [*(f"one_logger.{portion}" for portion in OURS), "yaml"]:
        spec = find_spec(name)
        assert spec is not None
        assert spec.submodule_search_locations
        link = tmp_path / name.replace(".", "/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(spec.submodule_search_locations[0])
    (tmp_path / "acme.py").write_text("import one_logger.exporter.otel")
    code = """
from one_logger.recorder import ExporterConfigError, build_exporters
names = ["acme.A", "one_logger.exporter.kafka.KafkaExporter"]
try:
    build_exporters([{"type": "otel"}, {"type": "memory"}, *({"class_name": name} for name in names)])
except ExporterConfigError as error:
    for problem in error.problems:
        print(problem.message)
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        (
            "is 'otel', which names no exporter that is installed; "
            "pip install 'one-logger-exporter-otel[http]' brings it. Installed: file, logger, memory."
        ),
        (
            "is 'acme.A', which cannot be imported: ModuleNotFoundError: No module named 'one_logger.exporter.otel'. "
            "pip install 'one-logger-exporter-otel[http]' brings it."
        ),
        (
            "is 'one_logger.exporter.kafka.KafkaExporter', which cannot be imported: ModuleNotFoundError: "
            "No module named 'one_logger.exporter.kafka'. pip install one-logger-exporter-kafka brings it."
        ),
    ]


def test_one_name_in_two_distributions_is_ambiguous(install: Install, problems: Problems) -> None:
    """Neither of them is taken by chance."""
    install("shop", {"shop": SHOP}, exporters={"same": "shop:Memory"})
    install("stall", exporters={"same": "shop:Positional"})
    (problem,) = problems([{"type": "same"}])
    assert problem.endswith("which is the name of an exporter in shop 1.0 and stall 1.0; give a class_name instead.")


def test_nothing_is_constructed_as_long_as_anything_is_wrong(shop: None, problems: Problems) -> None:
    """A mistake in the last entry is found before the first exporter is made."""
    __import__("shop")
    problems([{"type": "shop"}, {"type": "file"}])
    assert shop_log() == []


def test_what_was_constructed_is_closed_if_the_rest_cannot_be(shop: None, problems: Problems) -> None:
    """Constructors that raise, or leave, are reported all together; nothing is left open, nothing gets out."""
    entries = [{"type": "shop", "config": {"name": name}} for name in ("first", "odd", "leaving")]
    odd, leaving = problems(entries)
    assert "exporters[1].config is refused by Memory, which raised ValueError: odd is odd." in odd
    assert "exporters[2].config is refused by Memory, which raised SystemExit: leaving leaves." in leaving
    assert shop_log() == ["made first", "made odd", "made leaving", "closed"]


def test_an_exporter_of_the_application_is_not_closed(problems: Problems) -> None:
    """What the application has made stays its own when something else fails."""

    class Mine(InMemoryExporter):
        closed = False

        def close(self) -> None:
            self.closed = True

    mine = Mine()
    problems([mine, {"type": "logger", "config": {"logger": "a", "level": 10}}, {"type": "file", "config": {}}])
    assert not mine.closed


def test_no_exception_of_others_hangs_on_to_the_error(shop: None) -> None:
    """What was raised inside may hold secrets: it is not chained."""
    with pytest.raises(ExporterConfigError) as raised:
        build_exporters([{"type": "shop", "config": {"name": "odd"}}])
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
