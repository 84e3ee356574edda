"""Entries: the parts of a configuration that each describe one exporter or processor."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from one_logger.core.spi import near_miss, shown
from one_logger.recorder.configuration.kind import EXPORTER, PROCESSOR, Kind
from one_logger.recorder.configuration.section import Section
from one_logger.recorder.configuration.shape import MismatchError, shape_of

_SWITCH = shape_of(bool, "")


@dataclass
class Entry:
    """The description of one exporter or processor in a configuration."""

    section: Section = field(repr=False)
    kind: Kind
    name: str | None = None
    key: str = "type"  # or "class_name"
    reference: str = ""  # the value of that key: the name of a type or a class
    enabled: bool = True
    config: Mapping[str, object] = field(default_factory=dict, repr=False)  # references replaced
    processors: list[Entry] = field(default_factory=list)
    instance: object = None  # what the application gave, if it gave an object instead of an entry
    target: type | None = None  # the class, once it is loaded
    arguments: dict[str, object] = field(default_factory=dict, repr=False)  # as the class takes them, once checked

    def blame_reference(self, message: str) -> None:
        """Add a problem with the class: a sentence, or a text that follows `which`."""
        shown = self.section.shown(self.reference, (self.key,))
        joined = f", which {message}" if message[:1].islower() else f". {message}"
        self.section.problem((self.key,), f"is {shown}{joined}")


def read_entries(
    values: object, section: Section, kind: Kind, taken: Collection[str] = ()
) -> tuple[list[Entry], list[str]]:
    """The entries in a list except those whose names are taken, and the names of these. Mistakes become problems.

    Of a disabled entry only the keys are checked: its class and its variables need not exist.
    """
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        section.mismatch(values, f"a list of entries. An empty list means no {kind.noun}s", quoted=False)
        return [], []
    entries: list[Entry] = []
    replaced: list[str] = []
    places: dict[str, int] = {}
    for number, value in enumerate(values):
        part = section.part(number)
        if taken and (name := _name_of(value, section)) in taken:
            replaced.append(name)
            continue
        entry = _read_entry(value, part, kind)
        entries.append(entry)
        if entry.name in places:
            place = places[entry.name]
            part.problem(("name",), f"is {entry.name!r}, as in entry {place}; give each entry a name of its own.")
        elif entry.name is not None:
            places[entry.name] = number
    return entries, replaced


def read_switch(value: object, section: Section, path: tuple[str, ...] = ()) -> bool | None:
    """A value as true or false. None if it is neither, which becomes a problem."""
    try:
        switched = _SWITCH.convert(value)
    except MismatchError as error:
        section.mismatch(value, error.expected, path)
        return None
    return switched if isinstance(switched, bool) else None


def _name_of(value: object, section: Section) -> str:
    """The name of an entry. Problems of the entry are not collected yet."""
    name = value.get("name") if isinstance(value, Mapping) else None
    return str(Section(section.source, section.path, []).expand(name, ("name",))) if isinstance(name, str) else ""


def _read_entry(values: object, section: Section, kind: Kind) -> Entry:
    entry = Entry(section, kind)
    if isinstance(values, kind.base):
        target = type(values)
        entry.key, entry.reference = "class_name", f"{target.__module__}.{target.__qualname__}"
        entry.instance, entry.target = values, target
        return entry
    if not isinstance(values, Mapping):
        section.mismatch(values, "a mapping with a type and, mostly, a config", quoted=False)
        return entry
    for key in values:
        if key not in kind.keys:
            called = key if type(key) is str else shown(key)
            hint = near_miss(called, kind.keys) or f"expected one of {', '.join(kind.keys)}."
            section.problem((called,), f"is no key of an entry; {hint}")
    enabled = section.expand(values.get("enabled", True), ("enabled",))
    entry.enabled = read_switch(enabled, section, ("enabled",)) is not False
    entry.name = _read_name(values["name"], section, "name") if "name" in values else None
    given = [key for key in ("type", "class_name") if key in values]
    if len(given) == 1:
        (entry.key,) = given
        entry.reference = _read_name(values[entry.key], section, entry.key) or ""
    elif given:
        section.problem((), "has both type and class_name; give one of them.")
    else:
        section.problem((), f"has no type; give the name of an installed {kind.noun}.")
    config = values.get("config", {})
    if isinstance(config, Mapping):
        expanded = section.expand(config, ("config",), literal=not entry.enabled)
        entry.config = expanded if isinstance(expanded, dict) else {}
    else:
        section.mismatch(config, f"a mapping of the {kind.noun}'s arguments", ("config",), quoted=False)
    if kind is EXPORTER and entry.enabled and "processors" in values:
        entry.processors, _ = read_entries(values["processors"], section.part("processors"), PROCESSOR)
    return entry


def _read_name(value: object, section: Section, key: str) -> str | None:
    value = section.expand(value, (key,))
    if isinstance(value, str) and value.strip() and value.isprintable():
        return value
    section.mismatch(value, "a name", (key,))
    return None
