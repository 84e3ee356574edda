"""What launchers say about this process, in environment variables.

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

A process also has the variables of what has launched its parents. So torchrun's go first: its workers may run in a task
of any of the others. Where Ray has started the process, what Slurm, Open MPI and Kubernetes say is about the process
that started Ray. Outside a task of `srun`, `SLURM_PROCID` is 0 on each node. A malformed variable says nothing.
"""

from __future__ import annotations

import os

__all__ = ["JOB_ID_VARIABLE", "job_id", "local_rank", "rank", "restart", "world_size"]

JOB_ID_VARIABLE = "ONE_LOGGER_JOB_ID"
"""The variable that goes before what a launcher says of the job's id. In Kubernetes no variable has the job's name: let
the downward API put the pod's label `batch.kubernetes.io/job-name` here."""


_MOST_DIGITS = 18

_FIRST_SPECIAL_STEP = 0xFFFF_FFF0
"""From here on a step is no task of `srun`, but a batch script or a shell (slurm.h, SLURM_MAX_NORMAL_STEP_ID)."""


def rank() -> int | None:
    """The number of this process in the job, from 0. None if no launcher says it."""
    return _first(0, "RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "JOB_COMPLETION_INDEX")


def world_size() -> int | None:
    """How many processes the job has. None if no launcher says it: of an indexed job of Kubernetes, none does."""
    return _first(1, "WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")


def local_rank() -> int | None:
    """The number of this process among those of the job on its host, from 0. None if no launcher says it."""
    return _first(0, "LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK")


def job_id() -> str | None:
    """What the scheduler calls the job.

    Returns:
        What `ONE_LOGGER_JOB_ID` says. Else Slurm's id as Slurm writes it: `4711`, `4711_3` for a task of an array,
        `4711_3.0` for step 0 of it; when the job is requeued, it stays the same. Else torchrun's run id, unless that is
        `none`: so torchrun calls each run that was given no id. Else the id of Ray's job. Else None.
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
    """How often launchers say that they have restarted the job.

    A hint and no order: torchrun doesn't count when nodes come and go, begins anew in a new agent, and may say other
    numbers on other nodes. The incarnations of a job are to be ordered by their first time.

    Returns:
        torchrun's count and Slurm's together, as each restarts by itself. None if neither of them has launched this
        process.
    """
    by_torchrun = _number("TORCHELASTIC_RESTART_COUNT", 0)
    if by_torchrun is None and not _text("SLURM_JOB_ID"):
        return None
    return (by_torchrun or 0) + (_number("SLURM_RESTART_COUNT", 0) or 0)  # Slurm's isn't set before the first time


def _first(least: int, torchrun: str, *others: str) -> int | None:
    number = _number(torchrun, least)
    if number is not None or _text("RAY_JOB_ID"):
        return number
    for variable in others:
        if variable.startswith("SLURM_") and _step() is None:
            continue
        number = _number(variable, least)
        if number is not None:
            return number
    return None


def _step() -> int | None:
    """The number of the step, in a task of `srun`."""
    step = _number("SLURM_STEP_ID", 0)
    return step if step is not None and step < _FIRST_SPECIAL_STEP else None


def _number(variable: str, least: int) -> int | None:
    text = _text(variable)
    if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS:
        return None
    number = int(text)
    return number if number >= least else None


def _text(variable: str) -> str:
    return os.environ.get(variable, "").strip()
