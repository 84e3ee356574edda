"""Write what a large training run would have recorded, to look at it.

    python -m tools.bench.large_run FOLDER [--streams N] [--records N]

A file for each rank, of spans `application`, `epoch`, `iteration` and what an iteration is made of, an event each
iteration, now and then an error. The same arguments give the same times.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path

from one_logger.core import ErrorEvent, Event, RecordEncoder, Resource, Span, Timestamp

START = 1_790_000_000_000_000_000
PARTS = {"data_loading": 10_000_000, "forward": 40_000_000, "backward": 80_000_000, "optimizer": 5_000_000}
"""What an iteration is made of, and how many nanoseconds each takes."""
NOISE = 0.02
ITERATIONS_PER_EPOCH = 100


def write_run(folder: Path, streams: int, records: int) -> int:
    """Write a run.

    Args:
        folder: Where to; made if it isn't there.
        streams: How many ranks, each with a file of its own.
        records: How many records each stream has, about.

    Returns:
        How many records were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with Pool() as pool:
        return sum(pool.starmap(_write_stream, [(folder, rank, streams, records) for rank in range(streams)], 4))


def _write_stream(folder: Path, rank: int, streams: int, records: int) -> int:
    with (folder / f"rank-{rank:05}.jsonl").open("w", encoding="utf-8") as file:
        count = 0
        for line in lines(rank, streams, records):
            file.write(line)
            count += bool(line)
    return count


def lines(rank: int, streams: int, records: int) -> Iterator[str]:
    """The lines of one rank's stream, as many as `write_run` says."""
    noise = random.Random(rank)  # noqa: S311 - the same times each time
    resource = Resource.create(
        "train",
        session_tag="large",
        rank=rank,
        world_size=streams,
        attributes={"host.name": f"node-{rank // 8:03}"},
    )
    encoder = RecordEncoder(resource)
    now = START + rank * 1_000
    application = Span("application", start_time=_at(now))
    yield encoder.resource()
    yield encoder.start(application)
    epoch = None
    for iteration in range((records - 4) // (len(PARTS) + 2)):
        if iteration % ITERATIONS_PER_EPOCH == 0:
            if epoch is not None:
                epoch.stop(stop_time=_at(now))
                yield encoder.stop(epoch)
            epoch = Span("epoch", {"epoch": iteration // ITERATIONS_PER_EPOCH}, parent=application, start_time=_at(now))
            yield encoder.start(epoch)
        span = Span("iteration", {"step": iteration, "batch_size": 32}, parent=epoch, start_time=_at(now))
        for name, mean in PARTS.items():
            part = Span(name, parent=span, start_time=_at(now))
            now += int(mean * (1 + NOISE * noise.gauss(0, 1)))
            part.stop(stop_time=_at(now))
            yield encoder.start(part)
        trained = {"loss": noise.random(), "learning_rate": 2e-05, "samples": 32}
        yield encoder.event(Event("batch_trained", trained, timestamp=_at(now)), span)
        if iteration % 1_000 == 999:
            yield encoder.error(ErrorEvent("The batch has missing pixels.", timestamp=_at(now)), span)
        now += 100_000
        span.stop(stop_time=_at(now))
        yield encoder.start(span)
    if epoch is not None:
        epoch.stop(stop_time=_at(now))
        yield encoder.stop(epoch)
    application.stop(stop_time=_at(now))
    yield encoder.stop(application)
    yield encoder.end()


def _at(nanoseconds: int) -> Timestamp:
    return Timestamp(nanoseconds, nanoseconds - START)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder to write to")
    parser.add_argument("--streams", type=int, default=1_000, help="how many ranks there are (default: 1000)")
    parser.add_argument("--records", type=int, default=10_000, help="how many records each has, about (default: 10000)")
    arguments = parser.parse_args()
    count = write_run(arguments.folder, arguments.streams, arguments.records)
    print(f"{arguments.folder}: {arguments.streams} files, {count} records")


if __name__ == "__main__":
    main()
