"""What a span is for, by its name: waiting for other ranks, loading data, saving a checkpoint.

The names are those of one-logger's training telemetry, PyTorch (`all_reduce`, `nccl:all_gather`), MPI (`MPI_Allreduce`)
and what people call the same things in their own loops. Letters' case, and what separates words, do not count.
"""

from __future__ import annotations

import re

TRAINING_LOOP, PICKED = "training_loop", "training_single_iteration"
"""The loop of one-logger's training telemetry, and the iterations that it records where it sums up the others."""

_WAIT = re.compile(
    r"all_?(reduce|gather|to_?all)|reduce_?scatter|broadcast|barrier|nccl|gloo|collective|rendezvous"
    r"|(gradient|grad|weight|param|parameter|rank)s?_?sync|sync(hroni[sz]e)?_?(gradient|grad|weight|param|parameter|rank)s?"
    r"|wait_?for_?(all|other|rank|peer)s?"
)
_DATA = re.compile(
    r"data_?load(ing|er)?|(?<![a-z])(load|fetch|read|get|next|wait_?for)(ing)?_?(the_?)?(next_?)?(data|batch|sample|input)(es|s)?"
    r"|(data|batch|sample|input)(es|s)?_?(load|fetch|read|wait)(ing)?|data_?stall|input_?pipeline"
)
_CHECKPOINT = re.compile(r"check_?point|ckpt|snapshot")
_NOT_SAVING = re.compile(r"(?<!up)load|restor|resum|read|init|async|delet|clean")


def _words(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower())


def is_wait(name: str) -> bool:
    """Whether a span of this name waits for other ranks."""
    return _WAIT.search(_words(name)) is not None


def is_data_loading(name: str) -> bool:
    """Whether a span of this name loads data."""
    return _DATA.search(_words(name)) is not None


def is_checkpoint_save(name: str) -> bool:
    """Whether a span of this name saves a checkpoint while the job waits for it."""
    words = _words(name)
    return _CHECKPOINT.search(words) is not None and _NOT_SAVING.search(words) is None
