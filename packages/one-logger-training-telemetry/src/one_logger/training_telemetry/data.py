"""Waiting for data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import monotonic_ns
from typing import TYPE_CHECKING, Generic, TypeVar

from one_logger.training_telemetry.names import SpanName
from one_logger.training_telemetry.training import contained, training

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


class data_loading(Generic[T]):  # noqa: N801 - it reads as the statement that it is
    """Measures how long the training waits for batches.

    Around a loader it is used in its place: `for batch in data_loading(loader)`. It has the loader's length. Without
    one it is a block: `with data_loading(): batch = next(batches)`. Waiting outside a training loop, and in another
    thread than its, does not count.

    Args:
        loader: Anything that can be iterated over, each time anew.
    """

    def __init__(self, loader: Iterable[T] = ()) -> None:
        self._loader = loader
        self._began: list[int] = []

    def __iter__(self) -> Iterator[T]:
        with self:
            batches = iter(self._loader)  # which starts the workers of PyTorch's loader
        while True:
            with self:
                try:
                    batch = next(batches)
                except StopIteration:
                    return
            yield batch

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]  # a TypeError that names the loader's type, if it has none

    def __enter__(self) -> None:
        here = training()
        now = monotonic_ns()
        self._began.append(now if here is not None and here.loop is not None and here.loop.waits.begin(now) else 0)

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        began = self._began.pop()
        here = training()
        if not began or here is None or here.loop is None:
            return
        now = monotonic_ns()
        here.loop.waits.end(now, data=True)
        if here.config.iteration_spans:
            with contained():
                span = here.start(SpanName.DATA_LOADING, None, here.moment(began))
                here.recorder.stop(span, None, here.moment(now))
