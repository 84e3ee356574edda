"""An entry: what a configuration says of one exporter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from one_logger.core import Exporter
from one_logger.recorder.configuration.conversion import MismatchError, convert
from one_logger.recorder.configuration.problem import near_miss
from one_logger.recorder.configuration.section import UNUSABLE, Section

KEYS = ("type", "class_name", "name", "enabled", "config")
"""What an entry may have."""


@dataclass
class Entry:
    """What a configuration says of one exporter.

    Args:
        section: Where it stands.
        name: The name that it has been given.
        key: `"type"` or `"class_name"`.
        reference: What stands there: a type's name, or the dotted name of a class.
        enabled: Whether the exporter is to be used.
        config: The arguments of the exporter, variables replaced.
        exporter: The exporter itself, if the entry is none but an exporter made by the application.
        exporter_class: Its class, when it is loaded.
        arguments: The arguments as the class wants them, when they are checked.
    """

    section: Section = field(repr=False)
    name: str | None = None
    key: str = "type"
    reference: str = ""
    enabled: bool = True
    config: Mapping[str, object] = field(default_factory=dict, repr=False)
    exporter: Exporter | None = None
    exporter_class: type[Exporter] | None = None
    arguments: dict[str, object] = field(default_factory=dict, repr=False)

    @classmethod
    def of_exporter(cls, exporter: Exporter, section: Section) -> Entry:
        """The entry for an exporter that the application has made itself."""
        kind = type(exporter)
        reference = f"{kind.__module__}.{kind.__qualname__}"
        return cls(section, None, "class_name", reference, exporter=exporter, exporter_class=kind)

    @classmethod
    def parse(cls, values: object, section: Section) -> Entry:
        """Read an entry. What is wrong with it becomes problems of the section.

        Of an entry that is not enabled only the keys are checked: neither its exporter nor its variables need be there.
        """
        entry = cls(section)
        if not isinstance(values, Mapping):
            given = "a text" if isinstance(values, str) else section.shown(values, ())
            section.problem((), f"is {given}; expected a mapping with a type and, mostly, a config.")
            return entry
        for key in values:
            if key not in KEYS:
                hint = near_miss(str(key), KEYS) or f"expected one of {', '.join(KEYS)}."
                section.problem((str(key),), f"is no key of an entry; {hint}")
        entry.enabled = entry._read_enabled(values)
        entry.name = entry._read_text(values, "name") if "name" in values else None
        entry._read_reference(values)
        config = values.get("config", {})
        if not isinstance(config, Mapping):
            given = "a text" if isinstance(config, str) else section.shown(config, ("config",))
            section.problem(("config",), f"is {given}; expected a mapping of the exporter's arguments.")
        else:
            take = section.expand if entry.enabled else section.take_literally
            taken = take(config, ("config",))
            entry.config = taken if isinstance(taken, dict) else {}
        return entry

    def _read_enabled(self, values: Mapping[object, object]) -> bool:
        given = self.section.expand(values.get("enabled", True), ("enabled",))
        try:
            return convert(given, bool, "enabled") is not False
        except MismatchError as error:
            shown = self.section.shown(given, ("enabled",))
            self.section.problem(("enabled",), f"is {shown}; expected {error.expected}.")
            return True

    def _read_reference(self, values: Mapping[object, object]) -> None:
        given = [key for key in ("type", "class_name") if key in values]
        if len(given) != 1:
            both, none = "both type and class_name; give one of them", "no type; give the name of an installed exporter"
            self.section.problem((), f"has {both if given else none}.")
            return
        (self.key,) = given
        self.reference = self._read_text(values, self.key) or ""

    def _read_text(self, values: Mapping[object, object], key: str) -> str | None:
        given = self.section.expand(values[key], (key,))
        if given is UNUSABLE:
            return None
        if not isinstance(given, str) or not given.strip() or not given.isprintable():
            self.section.problem((key,), f"is {self.section.shown(given, (key,))}; expected a name.")
            return None
        return given
