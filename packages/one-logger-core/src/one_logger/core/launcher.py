"""What launchers say about this process in environment variables.

torchrun: `RANK`, `WORLD_SIZE`, `LOCAL_RANK`, `TORCHELASTIC_RUN_ID`, `TORCHELASTIC_RESTART_COUNT`. Source: PyTorch,
"torchrun (Elastic Launch)", section "Environment Variables".

Ray: `RAY_JOB_ID` in each worker; Ray Train sets torchrun's `RANK`, `WORLD_SIZE` and `LOCAL_RANK`, too. Source: Ray,
`src/ray/common/constants.h` (`kEnvVarKeyJobId`) and `python/ray/train/torch/config.py`.

Slurm: `SLURM_JOB_ID`, `SLURM_ARRAY_JOB_ID`, `SLURM_ARRAY_TASK_ID`, `SLURM_RESTART_COUNT`; in a task of `srun` also
`SLURM_STEP_ID`, `SLURM_PROCID`, `SLURM_NTASKS`, `SLURM_LOCALID`. Source: the manual pages sbatch(1) and srun(1),
section "OUTPUT ENVIRONMENT VARIABLES".

Open MPI: `OMPI_COMM_WORLD_RANK`, `OMPI_COMM_WORLD_SIZE`, `OMPI_COMM_WORLD_LOCAL_RANK`. Source: Open MPI, "Environment
variables set for MPI applications".

Kubernetes: `JOB_COMPLETION_INDEX` in each pod of an indexed job. Source: Kubernetes, "Jobs", section "Completion mode".

A process also inherits the variables of those that launched its parents. So torchrun's come first: its workers may run
in a task of any of the others. If Ray started the process, those of Slurm, Open MPI and Kubernetes describe the process
that started Ray. Outside a task of `srun`, `SLURM_PROCID` is 0 on each node. A malformed variable is ignored.
"""

from __future__ import annotations

import os

__all__ = ["JOB_ID_VARIABLE", "job_id", "local_rank", "rank", "restart", "world_size"]

JOB_ID_VARIABLE = "ONE_LOGGER_JOB_ID"
"""Overrides the launcher's job id. Kubernetes sets no variable with the job's name: let the downward API put the pod's
label `batch.kubernetes.io/job-name` here."""

_MOST_DIGITS = 18
_FIRST_SPECIAL_STEP = 0xFFFF_FFF0  # a batch script or a shell, no task of `srun` (slurm.h, SLURM_MAX_NORMAL_STEP_ID)


def rank() -> int | None:
    """The number of this process in the job, from 0. None if unknown."""
    return _first(0, "RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "JOB_COMPLETION_INDEX")


def world_size() -> int | None:
    """How many processes the job has. None if unknown, as in an indexed job of Kubernetes."""
    return _first(1, "WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")


def local_rank() -> int | None:
    """The number of this process among those of the job on its host, from 0. None if unknown."""
    return _first(0, "LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK")


def job_id() -> str | None:
    """The id of the job.

    It is the first of these that is there: `ONE_LOGGER_JOB_ID`; Slurm's id, as Slurm writes it: `4711`, `4711_3` for a
    task of an array, `4711_3.0` for step 0 of it (a requeued job keeps it); torchrun's run id, unless it is `none`,
    which torchrun uses if no id was given; Ray's job id; None.
    """
    if given := _text(JOB_ID_VARIABLE):
        return given
    if job := _text("SLURM_JOB_ID"):
        array, task, step = _text("SLURM_ARRAY_JOB_ID"), _text("SLURM_ARRAY_TASK_ID"), _step()
        if array and task:
            job = f"{array}_{task}"
        return job if step is None else f"{job}.{step}"
    run = _text("TORCHELASTIC_RUN_ID")
    return (run if run != "none" else "") or _text("RAY_JOB_ID") or None


def restart() -> int | None:
    """How often torchrun and Slurm restarted the job, together. None if neither launched this process.

    Only a hint: torchrun doesn't count when nodes come and go, starts again at 0 in a new agent, and may count
    differently on other nodes. Order the runs of a job by their first time.
    """
    by_torchrun = _number("TORCHELASTIC_RESTART_COUNT", 0)
    if by_torchrun is None and not _text("SLURM_JOB_ID"):
        return None
    return (by_torchrun or 0) + (_number("SLURM_RESTART_COUNT", 0) or 0)  # Slurm sets it from the first restart on


def _first(least: int, torchrun: str, *others: str) -> int | None:
    for variable in (torchrun, *others):
        if variable.startswith("SLURM_") and _step() is None:
            continue
        number = _number(variable, least)
        if number is not None or _text("RAY_JOB_ID"):
            return number
    return None


def _step() -> int | None:
    """The number of the step; None outside a task of `srun`."""
    step = _number("SLURM_STEP_ID", 0)
    return step if step is not None and step < _FIRST_SPECIAL_STEP else None


def _number(variable: str, least: int) -> int | None:
    text = _text(variable)
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else -1
    return number if number >= least else None


def _text(variable: str) -> str:
    return os.environ.get(variable, "").strip()
