"""The section `one_logger` of a file: the arguments of `OneLoggerConfig`."""

from __future__ import annotations

from collections.abc import Mapping

from one_logger.api import OneLoggerConfig
from one_logger.core import OneLoggerError
from one_logger.recorder.configuration.arguments import check_arguments
from one_logger.recorder.configuration.file import ConfigFile
from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError
from one_logger.recorder.configuration.section import Section
from one_logger.recorder.configuration.sources import CODE


def from_section(section: Section, values: object) -> dict[str, object]:
    """The arguments that a section gives, as `OneLoggerConfig` wants them. What is wrong becomes problems."""
    values = section.expand(values)
    if not isinstance(values, Mapping):
        section.problem((), f"is {section.shown(values, ())}; expected a mapping, such as application_name: orders.")
        return {}
    return check_arguments(OneLoggerConfig, "OneLoggerConfig", values, section, (), partial=True)


def made_of(values: Mapping[str, object], file: ConfigFile | None, problems: list[ConfigProblem]) -> OneLoggerConfig:
    """The configuration that arguments make together.

    Args:
        values: Arguments of `OneLoggerConfig`, from wherever they are.
        file: The file that some of them are from.
        problems: What is known to be wrong with them, and where to put what else is.

    Raises:
        ExporterConfigError: There are problems.
    """
    section = Section(CODE if file is None else file.source, ("one_logger",), problems)
    if not problems and "application_name" not in values:
        where = f"the section one_logger of {file.path}" if file else "the section one_logger of a file"
        Section(CODE, (), problems).problem(
            ("application_name",), f"is missing; give it to configure(), or in {where}."
        )
    if not problems:
        try:
            return OneLoggerConfig.from_mapping(values)
        except OneLoggerError as error:
            # It is about values that may be from several places.
            section.problem((), f"cannot be used: {error}")
    raise ExporterConfigError(problems)
