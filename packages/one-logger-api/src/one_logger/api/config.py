"""The configuration of the library in one process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from enum import Enum

from one_logger.core import Attributes, AttributeValue, OneLoggerError
from one_logger.core.text import error_text, name_text, safe_repr

_MAX_DIGITS = 18  # no launcher has more, and int() refuses thousands
_RANK_VARIABLES = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK")
_WORLD_SIZE_VARIABLES = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")


class OneLoggerErrorHandlingStrategy(Enum):
    """What becomes of a telemetry error: a mistake in using or configuring the library, or a bug in it.

    Whatever the strategy, each exporter is told that the data is incomplete, by `export_telemetry_data_error`. Failures
    of an exporter, on a full disk or without a network, are no telemetry errors and never reach the application.
    """

    PROPAGATE_EXCEPTIONS = "propagate_exceptions"
    """Raise a `OneLoggerError` where the mistake was made."""

    DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR = "disable_quietly_and_report_metric_error"
    """Log it once, and record nothing any more."""

    REPORT_METRIC_ERROR_AND_CONTINUE = "report_metric_error_and_continue"
    """Log it once for each kind, and carry on: one late event must not end the telemetry of a month's run."""


class OneLoggerConfig:
    """The configuration of the library in one process. Immutable.

    Args:
        application_name: What the resource is called: `service.name`.
        session_tag: What ties the restarts of one job together: a text, or a function without arguments that gives one.
            The function is called once, here, on every rank.
        world_size: How many processes the job has. None: what torchrun, Slurm or Open MPI say in the environment.
        rank: The number of this process in the job, from 0. None: what torchrun, Slurm or Open MPI say.
        enable_for_current_rank: Whether this process records: a bool, or a function of the rank (0 if it is unknown).
            The function is called once, here.
        error_handling_strategy: What becomes of a telemetry error.
        custom_metadata: Further attributes of the resource.

    Raises:
        OneLoggerError: An argument is not of the kind described here; it says which, what was given and what was
            expected. Or a function that was given has raised.
    """

    __slots__ = (
        "_application_name",
        "_custom_metadata",
        "_enabled",
        "_error_handling_strategy",
        "_rank",
        "_session_tag",
        "_world_size",
    )

    def __init__(
        self,
        application_name: str,
        session_tag: str | Callable[[], str] | None = None,
        world_size: int | None = None,
        rank: int | None = None,
        enable_for_current_rank: bool | Callable[[int], bool] = True,
        error_handling_strategy: OneLoggerErrorHandlingStrategy = (
            OneLoggerErrorHandlingStrategy.REPORT_METRIC_ERROR_AND_CONTINUE
        ),
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        if not isinstance(application_name, str) or not application_name.strip():
            raise OneLoggerError(
                f"application_name is {safe_repr(application_name, 100)}; expected the application's name, a text."
            )
        if not isinstance(error_handling_strategy, OneLoggerErrorHandlingStrategy):
            raise OneLoggerError(
                f"error_handling_strategy is {safe_repr(error_handling_strategy, 100)}; "
                "expected a OneLoggerErrorHandlingStrategy."
            )
        if custom_metadata is not None and not isinstance(custom_metadata, Mapping):
            raise OneLoggerError(
                f"custom_metadata is {safe_repr(custom_metadata, 100)}; expected a mapping of names to values."
            )
        self._application_name = application_name
        self._error_handling_strategy = error_handling_strategy
        self._custom_metadata = Attributes(_named(custom_metadata or {}))
        self._rank = _number("rank", rank, _RANK_VARIABLES, least=0)
        self._world_size = _number("world_size", world_size, _WORLD_SIZE_VARIABLES, least=1)
        if rank is not None and world_size is not None and rank >= world_size:
            raise OneLoggerError(
                f"rank is {safe_repr(rank, 100)} and world_size is {safe_repr(world_size, 100)}; "
                "expected a rank below the world size."
            )
        tag = _called("session_tag", session_tag) if callable(session_tag) else session_tag
        if tag is not None and not isinstance(tag, str):
            raise OneLoggerError(
                f"session_tag is {safe_repr(tag, 100)}; expected a text, or a function that gives one."
            )
        self._session_tag = tag
        enabled: object = enable_for_current_rank
        if callable(enable_for_current_rank):
            enabled = _called("enable_for_current_rank", enable_for_current_rank, self._rank or 0)
        if not isinstance(enabled, bool):
            raise OneLoggerError(
                f"enable_for_current_rank is {safe_repr(enabled, 100)}; "
                "expected a bool, or a function of the rank that gives one."
            )
        self._enabled = enabled

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> OneLoggerConfig:
        """The configuration that a mapping describes, such as a section of a file.

        Args:
            values: The arguments of `OneLoggerConfig` by name. The strategy may be given by its name or its value.

        Raises:
            OneLoggerError: As for `OneLoggerConfig`; also if a key is unknown.
        """
        if not isinstance(values, Mapping):
            raise OneLoggerError(
                f"The configuration is {type(values).__name__}; expected a mapping of names to values."
            )
        names = tuple(
            name.removeprefix("_") if name != "_enabled" else "enable_for_current_rank" for name in cls.__slots__
        )
        unknown = [key for key in values if key not in names]
        if unknown:
            raise OneLoggerError(_unknown_key(unknown[0], names))
        if "application_name" not in values:
            raise OneLoggerError("application_name is missing from the configuration; give the application's name.")
        arguments = dict(values)
        if isinstance(strategy := arguments.get("error_handling_strategy"), str):
            arguments["error_handling_strategy"] = _strategy(strategy)
        return cls(**arguments)  # type: ignore[arg-type]  # checked by the constructor

    @property
    def application_name(self) -> str:
        """What the resource is called: `service.name`."""
        return self._application_name

    @property
    def session_tag(self) -> str | None:
        """What ties the restarts of one job together."""
        return self._session_tag

    @property
    def world_size(self) -> int | None:
        """How many processes the job has; None if it is unknown."""
        return self._world_size

    @property
    def rank(self) -> int | None:
        """The number of this process in the job, from 0; None if it is unknown."""
        return self._rank

    @property
    def enable_for_current_rank(self) -> bool:
        """Whether this process records."""
        return self._enabled

    @property
    def error_handling_strategy(self) -> OneLoggerErrorHandlingStrategy:
        """What becomes of a telemetry error."""
        return self._error_handling_strategy

    @property
    def custom_metadata(self) -> Mapping[str, AttributeValue]:
        """Further attributes of the resource."""
        return self._custom_metadata

    def __repr__(self) -> str:
        return f"<OneLoggerConfig of {safe_repr(self._application_name, 100)}, rank {self._rank} of {self._world_size}>"


def _named(metadata: Mapping[str, object]) -> dict[str, object]:
    """A copy of the mapping, in which each attribute has a name."""
    try:
        copy = dict(metadata)
    except Exception as error:
        raise OneLoggerError(f"Reading custom_metadata raised {type(error).__name__}: {error_text(error)}") from error
    for name in copy:
        if not (name_text(name) or "").strip():
            raise OneLoggerError(
                f"custom_metadata has the name {safe_repr(name, 100)}; "
                "expected a text that is not empty as the name of each attribute."
            )
    return copy


def _number(name: str, given: int | None, variables: tuple[str, ...], *, least: int) -> int | None:
    """What was given, else what the launcher says; a launcher's variable that is no number says nothing."""
    if given is None:
        texts = [os.environ.get(variable, "") for variable in variables]
        numbers = [int(text) for text in texts if text.isdecimal() and len(text) <= _MAX_DIGITS]
        return next((number for number in numbers if number >= least), None)
    if type(given) is not int or given < least:
        raise OneLoggerError(f"{name} is {safe_repr(given, 100)}; expected a whole number from {least}.")
    return given


def _called(name: str, function: Callable[..., object], *arguments: object) -> object:
    try:
        return function(*arguments)
    except Exception as error:
        raise OneLoggerError(
            f"The function given as {name} raised {type(error).__name__}: {error_text(error)}"
        ) from error


def _strategy(name: str) -> OneLoggerErrorHandlingStrategy:
    try:
        return OneLoggerErrorHandlingStrategy(name.lower())
    except ValueError:
        expected = ", ".join(strategy.name for strategy in OneLoggerErrorHandlingStrategy)
        raise OneLoggerError(
            f"error_handling_strategy is {safe_repr(name, 100)}; expected one of {expected}."
        ) from None


def _unknown_key(key: object, names: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, names, n=1) if isinstance(key, str) else []
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(names)}."
    return f"{safe_repr(key, 100)} is no key of the configuration; {hint}"
