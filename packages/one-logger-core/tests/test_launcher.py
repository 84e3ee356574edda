"""What launchers say in the environment."""

from __future__ import annotations

import os

import pytest

from one_logger.core import launcher

_TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}
_SLURM_JOB = {"SLURM_JOB_ID": "4711", "SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}
_SLURM_TASK = {**_SLURM_JOB, "SLURM_STEP_ID": "2", "SLURM_PROCID": "3", "SLURM_LOCALID": "2"}
_OPEN_MPI = {"OMPI_COMM_WORLD_RANK": "6", "OMPI_COMM_WORLD_SIZE": "7", "OMPI_COMM_WORLD_LOCAL_RANK": "0"}
_KUBERNETES = {"JOB_COMPLETION_INDEX": "9"}
_RAY = {"RAY_JOB_ID": "01000000"}


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may themselves be run by a launcher."""
    for variable in list(os.environ):
        if variable.startswith(("SLURM_", "OMPI_", "TORCHELASTIC_")) or variable in {*_TORCHRUN, *_KUBERNETES, *_RAY}:
            monkeypatch.delenv(variable)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (None, None, None)),
        (_TORCHRUN, (5, 8, 1)),
        (_SLURM_TASK, (3, 4, 2)),
        (_OPEN_MPI, (6, 7, 0)),
        (_KUBERNETES, (9, None, None)),
        (_RAY, (None, None, None)),
        (_RAY | _TORCHRUN, (5, 8, 1)),
    ],
    ids=["none", "torchrun", "slurm", "open-mpi", "kubernetes", "ray", "ray-train"],
)
def test_ranks_are_those_of_the_launcher(
    environment: dict[str, str], expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rank, world size and local rank are what the launcher says, and unknown where it says nothing."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert (launcher.rank(), launcher.world_size(), launcher.local_rank()) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (_SLURM_TASK | _TORCHRUN | _KUBERNETES, (5, 8, 1)),
        (_SLURM_TASK | _OPEN_MPI, (3, 4, 2)),
        (_SLURM_JOB, (None, None, None)),
        (_SLURM_JOB | {"SLURM_STEP_ID": "4294967290"}, (None, None, None)),
        (_SLURM_JOB | _OPEN_MPI, (6, 7, 0)),
        (_SLURM_TASK | _OPEN_MPI | _KUBERNETES | _RAY, (None, None, None)),
        (_OPEN_MPI | {"RANK": "first", "WORLD_SIZE": "0", "LOCAL_RANK": "-1"}, (6, 7, 0)),
        (_OPEN_MPI | {"RANK": "", "WORLD_SIZE": "9" * 5_000, "LOCAL_RANK": "\u0663"}, (6, 7, 0)),
    ],
    ids=["torchrun", "srun", "batch-script", "shell", "mpirun-in-batch", "ray-in-a-task", "malformed", "absurd"],
)
def test_the_nearest_launcher_says_the_rank(
    environment: dict[str, str], expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a launcher says that has started a parent of this process, or of the whole job, is not its rank."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert (launcher.rank(), launcher.world_size(), launcher.local_rank()) == expected


@pytest.mark.parametrize(
    ("environment", "job"),
    [
        ({}, None),
        ({"SLURM_JOB_ID": "4711"}, "4711"),
        (_SLURM_TASK, "4711.2"),
        ({"SLURM_JOB_ID": "4713", "SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": "3"}, "4711_3"),
        (_SLURM_TASK | {"SLURM_ARRAY_JOB_ID": "4700", "SLURM_ARRAY_TASK_ID": "0"}, "4700_0.2"),
        ({"TORCHELASTIC_RUN_ID": "digits-5"}, "digits-5"),
        ({"TORCHELASTIC_RUN_ID": "none"}, None),
        ({"TORCHELASTIC_RUN_ID": "none"} | _RAY, "01000000"),
        ({"TORCHELASTIC_RUN_ID": "digits-5"} | _SLURM_TASK, "4711.2"),
        ({"ONE_LOGGER_JOB_ID": "digits"} | _SLURM_TASK | _RAY, "digits"),
    ],
)
def test_the_job_is_what_the_scheduler_calls_it(
    environment: dict[str, str], job: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The id of the job is the scheduler's, or what `ONE_LOGGER_JOB_ID` says; one that joins strangers is none."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert launcher.job_id() == job


@pytest.mark.parametrize(
    ("environment", "count"),
    [
        ({}, None),
        (_OPEN_MPI, None),
        ({"TORCHELASTIC_RESTART_COUNT": "0"}, 0),
        ({"TORCHELASTIC_RESTART_COUNT": "2"}, 2),
        ({"SLURM_JOB_ID": "4711"}, 0),
        ({"SLURM_JOB_ID": "4711", "SLURM_RESTART_COUNT": "3"}, 3),
        ({"SLURM_JOB_ID": "4711", "SLURM_RESTART_COUNT": "3", "TORCHELASTIC_RESTART_COUNT": "2"}, 5),
        ({"SLURM_JOB_ID": "4711", "SLURM_RESTART_COUNT": "some"}, 0),
    ],
)
def test_restarts_are_counted_by_launchers(
    environment: dict[str, str], count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How often the job was restarted is what its launchers say together."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert launcher.restart() == count
