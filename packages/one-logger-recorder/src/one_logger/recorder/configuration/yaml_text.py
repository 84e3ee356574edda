"""Reads YAML, and the line of each value."""

from __future__ import annotations

import re

import yaml

from one_logger.recorder.configuration.problem import Path, UnusableError
from one_logger.recorder.configuration.scalars import REAL, WHOLE, number
from one_logger.recorder.configuration.section import MAX_DEPTH

MAX_VALUES = 10_000
"""The most values in a document. An alias counts as often as it is used, with all its values."""

_TAG = "tag:yaml.org,2002:"
_AS_WRITTEN = {f"{_TAG}{name}" for name in ("str", "timestamp", "value")}
_SWITCHES = {f"{_TAG}{name}" for name in ("null", "bool")}
_NUMBERS = {f"{_TAG}int": WHOLE, f"{_TAG}float": REAL}
_INSTEAD_OF_PYYAML = {
    # These messages of PyYAML quote what they are about, which may be a password that happens to start with * or !.
    "found undefined alias": "an alias (*name) stands here for which there is no anchor (&name); "
    "put a text that starts with * in quotes",
    "found undefined tag handle": "a tag (!name!) stands here that is not declared; "
    "put a text that starts with ! in quotes",
    "found duplicate anchor": "the anchor (&name) has been used before",
    "found character '\\t'": "a tab stands here where YAML wants spaces",
    "expected a single document": "a second document starts",
}


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, which knows YAML 1.1, with the numbers of YAML 1.2: `010` is ten, and `1:30` is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NUMBERS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in _NUMBERS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern.pattern})\Z"), list("-+.0123456789"))


def read_yaml(text: str) -> tuple[object, dict[Path, int]]:
    """The value in a YAML document, and the line of each value. Raises `UnusableError` if it cannot be read.

    Aliases and merge keys are followed. Dates stay texts, and only the tags of JSON's types are allowed.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnusableError("a control character stands here, which YAML does not allow", line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnusableError(_sentence(error), None if mark is None else mark.line + 1) from None
    except RecursionError:
        raise UnusableError(f"it is nested too deeply; at most {MAX_DEPTH} levels are read") from None
    except ValueError:  # PyYAML on an escape such as "\U00110000" or a version of 5,000 digits
        raise UnusableError("an escape or a number in it is out of range") from None
    reader = _Reader(loader)
    return None if node is None else reader.value(node, ()), reader.lines


class _Reader:
    def __init__(self, loader: yaml.SafeLoader) -> None:
        self.lines: dict[Path, int] = {}
        self._loader = loader
        self._values = 0
        self._around: list[yaml.Node] = []  # the mappings that are being read

    def value(self, node: yaml.Node, path: Path) -> object:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._values += 1
        if self._values > MAX_VALUES:
            raise UnusableError(
                f"it has more than {MAX_VALUES} values, each alias counted with all that it stands for", line
            )
        if len(path) > MAX_DEPTH:
            raise UnusableError(f"it is nested too deeply; at most {MAX_DEPTH} levels are read", line)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag in _AS_WRITTEN:
            return node.value
        if isinstance(node, yaml.ScalarNode) and node.tag in (_SWITCHES | _NUMBERS.keys()):
            try:
                return number(node.value) if node.tag in _NUMBERS else self._loader.construct_object(node)
            except (ValueError, KeyError, yaml.YAMLError):
                raise UnusableError(
                    "a value stands here that is not of the type that its tag says, or too long", line
                ) from None
        raise UnusableError(
            "a tag (!name) stands here that a configuration has no use for; put a text that starts with ! in quotes",
            line,
        )

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        merged: list[yaml.Node] = []
        self._around.append(node)
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == f"{_TAG}merge":
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _AS_WRITTEN:
                raise UnusableError("a key stands here that is no text; put it in quotes", line)
            key = key_node.value
            if key in values:
                raise UnusableError(f"the key {key!r} stands in one mapping twice", line)
            self.lines[(*path, key)] = line
            values[key] = self.value(value_node, (*path, key))
        for source in merged:
            if not isinstance(source, yaml.MappingNode):
                raise UnusableError("a merge key (<<) stands here without a mapping", source.start_mark.line + 1)
            if source in self._around:
                raise UnusableError("a mapping stands here that is merged (<<) into itself", source.start_mark.line + 1)
            for key, value in self._mapping(source, path).items():
                values.setdefault(key, value)
            self._values += 1
        self._around.pop()
        return values


def _sentence(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "it cannot be read"
    for start, sentence in _INSTEAD_OF_PYYAML.items():
        if start in problem or start in (error.context or ""):
            return sentence
    return f"{error.context}, {problem}" if error.context and error.problem else problem
