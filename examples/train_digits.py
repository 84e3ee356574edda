"""Train a classifier on handwritten digits with telemetry, read the telemetry back, and say whether it is all there.

    python examples/train_digits.py [--epochs N] [--output FILE]

Exits with 1 if the telemetry that was read back is not whole.
"""

import argparse
import os
import pickle
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from one_logger.api import record_error, record_event, timed_span
from one_logger.core import Status, read_records, verify
from one_logger.exporter.file import FileExporter
from one_logger.recorder import Summarizer, configure

SEED = 20
BATCH_SIZE = 32
LEARNING_RATE = 0.002
DIGITS = range(10)
DAMAGED_IMAGE = 7


class Digits(NamedTuple):
    """Images of 8 x 8 pixels between 0 and 1, one a row, and the digit that each shows."""

    images: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]


def main() -> int:
    """Train, then report what the telemetry says about the training."""
    arguments = parse_arguments()
    output = arguments.output or Path(tempfile.mkdtemp(prefix="train-digits-"), "telemetry.jsonl")
    recorder = configure(
        application_name="train-digits",
        session_tag=lambda: os.environ.get("SLURM_JOB_ID", "local"),  # the restarts of a job share it
        custom_metadata={"model": "MLPClassifier", "dataset": "scikit-learn digits"},
        exporters=[FileExporter(output)],
        processors=[
            # Each ten checkpoints, and in the end, an event of the span "application": how long all took so far.
            Summarizer(
                "checkpoint_saved",
                attribute="duration",
                within="application",
                every=10,
                name="check point stats update",
            )
        ],
        inherit=True,  # and to whatever a configuration file or an installed package adds
    )

    with timed_span("application", {"epochs": arguments.epochs}, {"python": sys.version}):
        run(arguments.epochs, output.parent / "checkpoints")
    recorder.close()

    if not output.is_file():
        print(f"\nNo telemetry was written to {output}: ONE_LOGGER_DISABLED is set, or a warning above says why.")
        return 1
    print(f"\nThe telemetry is in {output}")
    return 0 if report(output) else 1


def parse_arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description="Train a classifier on handwritten digits, with telemetry.")
    parser.add_argument("--epochs", type=int, default=20, help="how often to go through the images (default: 20)")
    parser.add_argument(
        "--output",
        type=Path,
        help="the file to append the telemetry to, as JSON Lines; checkpoints go into a folder beside it "
        "(default: a file in a new temporary folder)",
    )
    arguments = parser.parse_args()
    if arguments.epochs < 1:
        parser.error(f"--epochs is {arguments.epochs}; expected at least 1.")
    return arguments


# -- training ------------------------------------------------------------------------------------------------------


def run(epochs: int, checkpoints: Path) -> None:
    """Train for `epochs` epochs; after each, validate and write a checkpoint."""
    training, validation = load_data()
    model = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=LEARNING_RATE, random_state=SEED)
    random = np.random.default_rng(SEED)
    for epoch in range(1, epochs + 1):
        with timed_span("epoch", {"epoch": epoch}) as span:
            losses = [train_batch(model, training, rows) for rows in batches(len(training.labels), random)]
            accuracy = validate(model, validation)
            save_checkpoint(model, checkpoints / f"epoch-{epoch:03}.pickle")
            span.set_attributes({"mean_loss": np.mean(losses), "accuracy": accuracy})
        print(f"epoch {epoch:3}: loss {np.mean(losses):.4f}, accuracy {accuracy:.4f}")


@timed_span("load_data")
def load_data() -> tuple[Digits, Digits]:
    """The images to train on and those to validate with. One of the former is damaged, as real data is."""
    images, labels = load_digits(return_X_y=True)
    images = images / 16
    images_in, images_out, labels_in, labels_out = train_test_split(images, labels, test_size=0.2, random_state=SEED)
    images_in[DAMAGED_IMAGE, 24:40] = np.nan  # three rows of pixels that the scanner did not deliver
    record_event("data_loaded", {"training_images": len(labels_in), "validation_images": len(labels_out)})
    return Digits(images_in, labels_in), Digits(images_out, labels_out)


def batches(size: int, random: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """The numbers from 0 up to `size` in random order, in batches."""
    order = random.permutation(size)
    for start in range(0, size, BATCH_SIZE):
        yield order[start : start + BATCH_SIZE]


def train_batch(model: MLPClassifier, digits: Digits, rows: npt.NDArray[np.int64]) -> float:
    """Train on one batch. If the model refuses it, repair its images and try again.

    Returns:
        The loss.
    """
    with timed_span("iteration", {"batch_size": len(rows)}) as span:
        try:
            model.partial_fit(digits.images[rows], digits.labels[rows], classes=DIGITS)
        except ValueError as error:
            missing = np.isnan(digits.images[rows]).sum()
            record_error("The batch has missing pixels; they are taken as blank.", error, {"missing_pixels": missing})
            digits.images[rows] = np.nan_to_num(digits.images[rows])
            model.partial_fit(digits.images[rows], digits.labels[rows], classes=DIGITS)
            span.set_status(Status.OK)  # an error sets it to ERROR; this one was recovered from
        record_event("batch_trained", {"loss": model.loss_, "learning_rate": LEARNING_RATE})
        return float(model.loss_)


@timed_span("validation")
def validate(model: MLPClassifier, digits: Digits) -> float:
    """The share of `digits` that the model gets right."""
    accuracy = float(accuracy_score(digits.labels, model.predict(digits.images)))
    loss = log_loss(digits.labels, model.predict_proba(digits.images))
    record_event("validated", {"accuracy": accuracy, "loss": loss, "images": len(digits.labels)})
    return accuracy


@timed_span("checkpoint")
def save_checkpoint(model: MLPClassifier, path: Path) -> None:
    """Write the model to `path`. Whenever the job is killed, what stands there is a whole checkpoint or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    unfinished = path.with_suffix(".unfinished")
    size = unfinished.write_bytes(pickle.dumps(model))
    unfinished.replace(path)
    record_event("checkpoint_saved", {"path": path, "bytes": size, "duration": time.monotonic() - begun})


# -- report --------------------------------------------------------------------------------------------------------


def report(path: Path) -> bool:
    """Print what the telemetry in `path` says about the run that was recorded there last.

    Returns:
        Whether the telemetry of that run is whole.
    """
    records = list(read_records(path))
    stream = verify(records)[-1]
    records = [record for record in records if record["stream"] == stream.stream]

    print_spans(records)
    print_counts("event", Counter(record["name"] for record in records if record["type"] == "event"))
    print_checkpoints(records)
    print_counts("error", Counter(error_text(record) for record in records if record["type"] == "error"))
    print_counts("telemetry error", Counter(r["message"] for r in records if r["type"] == "telemetry_data_error"))
    state = "whole" if stream.whole else f"NOT whole: closed={stream.closed}, gaps={stream.gaps}"
    print(f"\nThe stream is {state}: {stream.records} records, {stream.dropped} dropped.")
    return stream.whole


def print_spans(records: list[dict[str, Any]]) -> None:
    """Print how often and how long the spans of each name ran."""
    durations: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        if record["type"] in ("stop", "complete"):
            durations[record["name"]].append(record["duration_ns"] / 1e6)
    print(f"\n{'span':<16}{'count':>8}{'total ms':>12}{'mean ms':>12}{'longest ms':>12}")
    for name, times in sorted(durations.items(), key=lambda item: -sum(item[1])):
        print(f"{name:<16}{len(times):>8}{sum(times):>12.2f}{sum(times) / len(times):>12.2f}{max(times):>12.2f}")


def print_checkpoints(records: list[dict[str, Any]]) -> None:
    """Print what the last summary says about the checkpoints."""
    updates = [r["attributes"] for r in records if r["type"] == "event" and r["name"] == "check point stats update"]
    if updates:
        avg, least, most = (updates[-1][f"duration.{statistic}"] * 1e3 for statistic in ("avg", "min", "max"))
        print(f"\nA checkpoint took {avg:.2f} ms on average, {least:.2f} ms at least, {most:.2f} ms at most.")


def print_counts(heading: str, counts: Counter[str]) -> None:
    """Print how often each thing of a kind happened, if any did."""
    width = max(16, *map(len, counts), 0)
    if counts:
        print(f"\n{heading:<{width}}{'count':>8}")
    for name, count in counts.most_common():
        print(f"{name:<{width}}{count:>8}")


def error_text(record: dict[str, Any]) -> str:
    """An error in one line: the exception's type and the application's message."""
    error = record["error"]
    return f"{error.get('exception_type', 'error')}: {error['message']}"


if __name__ == "__main__":
    sys.exit(main())
