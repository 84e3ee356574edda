import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from one_logger.core import Span
from one_logger.core.ids import new_span_id, new_stream_id, new_trace_id

_FORK = """
import os
from one_logger.core import Span
from one_logger.core.ids import new_span_id, new_stream_id, new_trace_id

def ids():
    return [new_trace_id(), new_span_id(), new_stream_id(), Span("work").span_id, Span("work").trace_id]

new_span_id()
reading, writing = os.pipe()
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        os.write(writing, (" ".join(map(str, ids())) + "\\n").encode())
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
os.close(writing)
with open(reading) as children:
    print(*ids(), *children.read().split())
"""


def test_ids_are_in_range() -> None:
    """Ids are not zero and have no more bits than W3C Trace Context allows."""
    for _ in range(1_000):
        assert 0 < new_trace_id() < 1 << 128
        assert 0 < new_span_id() < 1 << 64


def test_ids_use_all_bits() -> None:
    """Of many ids, some have the highest bit and some do not."""
    assert {new_trace_id() >> 63 & 1 for _ in range(100)} == {0, 1}
    assert {new_span_id() >> 63 for _ in range(100)} == {0, 1}


def test_trace_ids_of_a_process_begin_alike(run_script: Callable[..., str]) -> None:
    """The left half of a trace id is that of the process, so that compressed files are small."""
    assert len({new_trace_id() >> 64 for _ in range(100)}) == 1
    assert Span("work").trace_id >> 64 == new_trace_id() >> 64
    ids = run_script(_FORK).split()
    traces = [int(each) for number, each in enumerate(ids) if number % 5 in (0, 4)]
    assert len({each >> 64 for each in traces}) == 3


def test_stream_id_is_hexadecimal() -> None:
    """A stream's id has 16 hexadecimal digits."""
    for _ in range(100):
        stream = new_stream_id()
        assert len(stream) == 16
        assert set(stream) <= set("0123456789abcdef")


def test_ids_are_unique_among_threads() -> None:
    """Spans started in eight threads at once have ids of their own."""
    with ThreadPoolExecutor(8) as pool:
        spans = [span for batch in pool.map(lambda _: [Span("s") for _ in range(3_000)], range(8)) for span in batch]
    assert len({span.span_id for span in spans}) == len({span.trace_id for span in spans}) == 24_000


def test_seeding_the_job_does_not_repeat_ids() -> None:
    """Two ranks that seed the random generator alike get different ids."""
    ids: list[int] = []
    for _ in range(2):
        random.seed(42)
        span = Span("work")
        ids.extend((span.trace_id, span.span_id, new_trace_id(), new_span_id()))
    assert len(set(ids)) == 8


def test_random_numbers_of_the_job_are_not_disturbed() -> None:
    """Making ids leaves the state of the job's random generator as it was."""
    random.seed(42)
    before = random.getstate()
    Span("work", parent=Span("outer"))
    new_trace_id()
    new_span_id()
    new_stream_id()
    assert random.getstate() == before


def test_forked_children_have_ids_of_their_own(run_script: Callable[..., str]) -> None:
    """The next ids in a process and in two children that it forks are all different."""
    ids = run_script(_FORK).split()
    assert len(ids) == len(set(ids)) == 15
