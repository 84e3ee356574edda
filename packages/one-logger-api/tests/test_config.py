"""What a `OneLoggerConfig` accepts, and what it says about the rest."""

from __future__ import annotations

import pytest

from one_logger.api import OneLoggerConfig, OneLoggerErrorHandlingStrategy
from one_logger.core import OneLoggerError

LAUNCHERS = [("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"), ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")]


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (variable for pair in LAUNCHERS for variable in pair):
        monkeypatch.delenv(variable, raising=False)


def test_defaults() -> None:
    """An application's name is enough; mistakes are then reported and do not stop anything."""
    config = OneLoggerConfig("app")
    assert config.application_name == "app"
    assert (config.session_tag, config.rank, config.world_size) == (None, None, None)
    assert config.enable_for_current_rank is True
    assert config.error_handling_strategy is OneLoggerErrorHandlingStrategy.REPORT_METRIC_ERROR_AND_CONTINUE
    assert dict(config.custom_metadata) == {}


@pytest.mark.parametrize(("rank", "world_size"), LAUNCHERS)
def test_rank_and_world_size_come_from_the_launcher(
    monkeypatch: pytest.MonkeyPatch, rank: str, world_size: str
) -> None:
    """What is not given is taken from the variables of torchrun, Slurm or Open MPI."""
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    monkeypatch.setenv(rank, "3")
    monkeypatch.setenv(world_size, "8")
    config = OneLoggerConfig("app")
    assert (config.rank, config.world_size) == (3, 8)
    given = OneLoggerConfig("app", rank=0, world_size=2)
    assert (given.rank, given.world_size) == (0, 2)


@pytest.mark.parametrize(
    "malformed", ["first", "", "-1", "\udcff", "1" * 5_000], ids=["text", "empty", "negative", "bytes", "huge"]
)
def test_launcher_variables_that_are_no_numbers_say_nothing(monkeypatch: pytest.MonkeyPatch, malformed: str) -> None:
    """A malformed variable is as good as none: it is not the application's mistake."""
    monkeypatch.setenv("RANK", malformed)
    monkeypatch.setenv("WORLD_SIZE", "0")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "5")
    config = OneLoggerConfig("app")
    assert (config.rank, config.world_size) == (5, None)


def test_session_tag_function_is_called_once() -> None:
    """A session tag that is a function is evaluated when the configuration is made, and never again."""
    tags = iter(["first", "second"])
    config = OneLoggerConfig("app", session_tag=lambda: next(tags))
    assert [config.session_tag, config.session_tag] == ["first", "first"]
    assert next(tags) == "second"


def test_rank_filter_is_a_function_of_the_rank() -> None:
    """`enable_for_current_rank` may be a function; it gets the rank, or 0 if that is unknown."""
    assert OneLoggerConfig("app", rank=4, enable_for_current_rank=lambda rank: rank % 4 == 0).enable_for_current_rank
    assert not OneLoggerConfig(
        "app", rank=5, enable_for_current_rank=lambda rank: rank % 4 == 0
    ).enable_for_current_rank
    assert OneLoggerConfig("app", enable_for_current_rank=lambda rank: rank == 0).enable_for_current_rank


def test_configuration_cannot_be_changed() -> None:
    """Neither an attribute nor the mapping that the metadata came from changes a configuration."""
    metadata = {"team": "vision"}
    config = OneLoggerConfig("app", custom_metadata=metadata)
    metadata["team"] = "audio"
    assert dict(config.custom_metadata) == {"team": "vision"}
    with pytest.raises(AttributeError):
        config.application_name = "other"  # type: ignore[misc]  # the assignment is what is tested


def test_from_mapping_takes_what_the_constructor_takes() -> None:
    """A mapping has the constructor's arguments, and the strategy by name or value."""
    values = {"application_name": "app", "session_tag": "run-7", "rank": 1, "world_size": 2}
    config = OneLoggerConfig.from_mapping({**values, "error_handling_strategy": "PROPAGATE_EXCEPTIONS"})
    assert config.error_handling_strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS
    assert (config.session_tag, config.rank, config.world_size) == ("run-7", 1, 2)
    config = OneLoggerConfig.from_mapping({**values, "error_handling_strategy": "propagate_exceptions"})
    assert config.error_handling_strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS
    assert OneLoggerConfig.from_mapping({**values, "enable_for_current_rank": False}).enable_for_current_rank is False


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "application_name is missing"),
        ({"application_name": ""}, "application_name is ''; expected"),
        ({"application_name": 7}, "application_name is 7; expected"),
        ({"application_name": "app", "sesion_tag": "x"}, "'sesion_tag' is no key .* did you mean 'session_tag'"),
        ({"application_name": "app", "zzz": 1}, "'zzz' is no key .* expected one of application_name"),
        ({"application_name": "app", "rank": -1}, "rank is -1; expected a whole number from 0"),
        ({"application_name": "app", "rank": True}, "rank is True; expected"),
        ({"application_name": "app", "rank": "1"}, "rank is '1'; expected"),
        ({"application_name": "app", "world_size": 0}, "world_size is 0; expected a whole number from 1"),
        ({"application_name": "app", "rank": 2, "world_size": 2}, "rank is 2 and world_size is 2; expected"),
        ({"application_name": "app", "session_tag": 7}, "session_tag is 7; expected"),
        ({"application_name": "app", "session_tag": lambda: 7}, "session_tag is 7; expected"),
        ({"application_name": "app", "session_tag": lambda: 1 / 0}, "session_tag raised ZeroDivisionError"),
        ({"application_name": "app", "enable_for_current_rank": "yes"}, "enable_for_current_rank is 'yes'; expected"),
        (
            {"application_name": "app", "enable_for_current_rank": lambda: True},
            "enable_for_current_rank raised TypeError",
        ),
        ({"application_name": "app", "error_handling_strategy": "ignore"}, "'ignore'; expected .* one of PROPAGATE"),
        ({"application_name": "app", "error_handling_strategy": 7}, "error_handling_strategy is 7; expected"),
        (
            {"application_name": "app", "custom_metadata": {"": 1}},
            "custom_metadata has the name ''; expected",
        ),
        ({"application_name": "app", "custom_metadata": {" ": 1}}, "expected a text that is not empty"),
        ({"application_name": "app", "custom_metadata": {7: 1}}, "has the name 7; expected a text"),
        ({"application_name": "app", "custom_metadata": ["a"]}, r"custom_metadata is \['a'\]; expected"),
    ],
)
def test_mistakes_are_sentences(values: dict[str, object], sentence: str) -> None:
    """Each mistake says what was given and what was expected."""
    with pytest.raises(OneLoggerError, match=sentence):
        OneLoggerConfig.from_mapping(values)


def test_from_mapping_wants_a_mapping() -> None:
    """Something else than a mapping is refused with its type."""
    with pytest.raises(OneLoggerError, match="is list; expected a mapping"):
        OneLoggerConfig.from_mapping(["application_name"])  # type: ignore[arg-type]  # the mistake is what is tested
