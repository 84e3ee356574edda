"""An entry: what a configuration says of one exporter or processor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from one_logger.core.spi import safe_repr
from one_logger.recorder.configuration.conversion import MismatchError, convert
from one_logger.recorder.configuration.kind import Kind
from one_logger.recorder.configuration.problem import near_miss
from one_logger.recorder.configuration.section import UNUSABLE, Section


@dataclass
class Entry:
    """What a configuration says of one exporter or processor.

    Args:
        section: Where it stands.
        kind: Which of them it is about.
        name: The name that it has been given.
        key: `"type"` or `"class_name"`.
        reference: What stands there: a type's name, or the dotted name of a class.
        enabled: Whether it is to be used.
        config: The arguments, variables replaced.
        instance: The exporter or processor itself, if the entry is none but an object made by the application.
        target: The class, when it is loaded.
        arguments: The arguments as the class wants them, when they are checked.
        processors: The entries of the processors that an exporter has for itself.
    """

    section: Section = field(repr=False)
    kind: Kind
    name: str | None = None
    key: str = "type"
    reference: str = ""
    enabled: bool = True
    config: Mapping[str, object] = field(default_factory=dict, repr=False)
    instance: object = None
    target: type | None = None
    arguments: dict[str, object] = field(default_factory=dict, repr=False)
    processors: list[Entry] = field(default_factory=list)

    @classmethod
    def of_instance(cls, instance: object, section: Section, kind: Kind) -> Entry:
        """The entry for what the application has made itself."""
        target = type(instance)
        reference = f"{target.__module__}.{target.__qualname__}"
        return cls(section, kind, None, "class_name", reference, instance=instance, target=target)

    @classmethod
    def parse(cls, values: object, section: Section, kind: Kind) -> Entry:
        """Read an entry. What is wrong with it becomes problems of the section.

        Of an entry that is not enabled only the keys are checked: neither its class nor its variables need be there.
        """
        entry = cls(section, kind)
        if not isinstance(values, Mapping):
            given = "a text" if isinstance(values, str) else section.shown(values, ())
            section.problem((), f"is {given}; expected a mapping with a type and, mostly, a config.")
            return entry
        for key in values:
            if key not in kind.keys:
                called = key if type(key) is str else safe_repr(key, 100)
                hint = near_miss(called, kind.keys) or f"expected one of {', '.join(kind.keys)}."
                section.problem((called,), f"is no key of an entry; {hint}")
        entry.enabled = entry._read_enabled(values)
        entry.name = entry._read_text(values, "name") if "name" in values else None
        entry._read_reference(values)
        config = values.get("config", {})
        if not isinstance(config, Mapping):
            given = "a text" if isinstance(config, str) else section.shown(config, ("config",))
            section.problem(("config",), f"is {given}; expected a mapping of the {kind.noun}'s arguments.")
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
            both, none = (
                "both type and class_name; give one of them",
                f"no type; give the name of an installed {self.kind.noun}",
            )
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
