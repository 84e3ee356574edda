"""The configuration of the library in one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from one_logger.core import Attributes, AttributeValue, OneLoggerError
from one_logger.core.spi import check_names, check_number, error_text, launcher, near_miss, shown

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Final, TypeVar

    T = TypeVar("T")


class OneLoggerErrorHandlingStrategy(Enum):
    """How a telemetry error is handled: a mistake in using or configuring the library, or a bug in it.

    With every strategy, each exporter is told that the data is incomplete, by `export_telemetry_data_error`. When an
    exporter fails, on a full disk or without a network, that is no telemetry error, and never reaches the application.
    """

    PROPAGATE_EXCEPTIONS = "propagate_exceptions"
    """Raise a `OneLoggerError` where the mistake was made."""

    DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR = "disable_quietly_and_report_metric_error"
    """Log it once, and stop recording."""

    REPORT_METRIC_ERROR_AND_CONTINUE = "report_metric_error_and_continue"
    """Log it once for each kind, and go on: one late event must not end the telemetry of a month's run."""


class OneLoggerConfig:
    """The configuration of the library in one process. Immutable. Each argument is an attribute, too.

    Args:
        application_name: The name of the resource: `service.name`.
        session_tag: What the restarts of one job have in common: a text, or a function without arguments that returns
            one. The function is called once, here, on every rank. The attribute is the text.
        world_size: How many processes the job has. None: what torchrun, Ray Train, Slurm or Open MPI say in the
            environment (`one_logger.core.launcher`). The attribute is None if they say nothing.
        rank: The number of this process in the job, from 0. None: what these say, or an indexed job of Kubernetes. The
            attribute is None if they say nothing.
        enable_for_current_rank: Whether this process records: a bool, or a function of the rank (0 if it is unknown)
            that returns one. The function is called once, here. The attribute is the bool.
        error_handling_strategy: How a telemetry error is handled.
        custom_metadata: More attributes of the resource.

    Raises:
        OneLoggerError: An argument is wrong: the error says which, what was given and what was expected. Or a function
            that was given raised.
    """

    application_name: Final[str]
    session_tag: Final[str | None]
    world_size: Final[int | None]
    rank: Final[int | None]
    enable_for_current_rank: Final[bool]
    error_handling_strategy: Final[OneLoggerErrorHandlingStrategy]
    custom_metadata: Final[Mapping[str, AttributeValue]]

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
            raise _wrong("application_name", application_name, "the application's name, a text")
        self.application_name = application_name
        if not isinstance(error_handling_strategy, OneLoggerErrorHandlingStrategy):
            names = ", ".join(strategy.name for strategy in OneLoggerErrorHandlingStrategy)
            raise _wrong(
                "error_handling_strategy", error_handling_strategy, f"a OneLoggerErrorHandlingStrategy: one of {names}"
            )
        self.error_handling_strategy = error_handling_strategy
        if custom_metadata is not None and not isinstance(custom_metadata, Mapping):
            raise _wrong("custom_metadata", custom_metadata, "a mapping of names to values")
        metadata: dict[str, object] = _called("Reading custom_metadata", dict, custom_metadata or {})
        check_names("custom_metadata", metadata)
        self.custom_metadata = Attributes(metadata)
        check_number("rank", rank, 0, "a whole number", whole=True, optional=True)
        check_number("world_size", world_size, 1, "a whole number", whole=True, optional=True)
        if rank is not None and world_size is not None and rank >= world_size:
            raise OneLoggerError(
                f"rank is {shown(rank)} and world_size is {shown(world_size)}; expected a rank below the world size."
            )
        self.rank = launcher.rank() if rank is None else rank
        self.world_size = launcher.world_size() if world_size is None else world_size
        tag = _called("The function given as session_tag", session_tag) if callable(session_tag) else session_tag
        if tag is not None and not isinstance(tag, str):
            raise _wrong("session_tag", tag, "a text, or a function that returns one")
        self.session_tag = tag
        enabled: object = enable_for_current_rank
        if callable(enable_for_current_rank):
            what = "The function given as enable_for_current_rank"
            enabled = _called(what, enable_for_current_rank, self.rank or 0)
        if not isinstance(enabled, bool):
            raise _wrong("enable_for_current_rank", enabled, "a bool, or a function of the rank that returns one")
        self.enable_for_current_rank = enabled

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
        names = OneLoggerConfig.__annotations__
        for key in values:
            if key not in names:
                hint = near_miss(key, names) if isinstance(key, str) else ""
                hint = hint or f"expected one of {', '.join(names)}."
                raise OneLoggerError(f"{shown(key)} is no key of the configuration; {hint}")
        if "application_name" not in values:
            raise OneLoggerError("application_name is missing from the configuration; give the application's name.")
        arguments: dict[str, object] = dict(values)
        if isinstance(strategy := arguments.get("error_handling_strategy"), str):
            by_value = {member.value: member for member in OneLoggerErrorHandlingStrategy}
            arguments["error_handling_strategy"] = by_value.get(strategy.lower(), strategy)
        return cls(**arguments)  # type: ignore[arg-type]  # checked by the constructor

    def __setattr__(self, name: str, value: object) -> None:
        if name in vars(self):
            raise AttributeError(f"{name} of a OneLoggerConfig cannot be changed; make a new OneLoggerConfig.")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"<OneLoggerConfig of {shown(self.application_name)}, rank {self.rank} of {self.world_size}>"


def _wrong(name: str, given: object, expected: str) -> OneLoggerError:
    return OneLoggerError(f"{name} is {shown(given)}; expected {expected}.")


def _called(what: str, function: Callable[..., T], *arguments: object) -> T:
    try:
        return function(*arguments)
    except Exception as error:
        raise OneLoggerError(f"{what} raised {type(error).__name__}: {error_text(error)}") from error
