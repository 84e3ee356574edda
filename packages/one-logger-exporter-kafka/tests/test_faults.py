"""Through the recorder: what was recorded and what a consumer reads differ by what was reported as lost, if at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka_job import Job, compare, make

from one_logger.core import verify
from one_logger.exporter.kafka import KafkaExporter, read_records

Consume = Callable[[str, str], list[Any]]
NewTopic = Callable[..., str]
WaitFor = Callable[[Callable[[], object]], None]


@pytest.mark.parametrize("batch", ["jsonl", "records"])
def test_broker_away_at_the_start(
    batch: Any, place: Any, new_topic: NewTopic, consume: Consume, wait_for: WaitFor
) -> None:
    """What is recorded before the broker is there arrives once it is."""
    topic = new_topic(place.servers)
    place.proxy.refuse()
    job = Job(make(place, topic, batch=batch))
    job.work(500)
    wait_for(lambda: job.stats.failures >= 3)
    place.proxy.accept()
    job.work(500)
    assert job.end()
    compare(job, consume(place.servers, topic))
    assert job.stats.dropped == 0


@pytest.mark.parametrize("batch", ["jsonl", "records"])
def test_broker_goes_away_and_comes_back(
    batch: Any, place: Any, new_topic: NewTopic, consume: Consume, wait_for: WaitFor
) -> None:
    """What is recorded while the broker is away arrives once it is back."""
    topic = new_topic(place.servers)
    job = Job(make(place, topic, batch=batch))
    for _ in range(3):
        job.work(300)
        assert job.recorder.flush(20)
        place.proxy.refuse()
        failures = job.stats.failures
        job.work(300)
        wait_for(lambda failures=failures: job.stats.failures > failures)  # type: ignore[misc]  # a lambda's default
        place.proxy.accept()
    assert job.end()
    compare(job, consume(place.servers, topic))
    assert job.stats.dropped == 0


@pytest.mark.parametrize("way", ["requests", "answers"])
def test_broker_hangs(way: str, place: Any, new_topic: NewTopic, consume: Consume, wait_for: WaitFor) -> None:
    """A broker that takes connections and goes silent is waited for; what it took is not sent twice."""
    topic = new_topic(place.servers)
    job = Job(make(place, topic))
    job.work(300)
    assert job.recorder.flush(20)
    place.proxy.stalled = {way}
    job.work(300)
    wait_for(lambda: job.stats.failures >= 3)
    place.proxy.stalled = set()
    assert job.end()
    compare(job, consume(place.servers, topic))
    assert job.stats.dropped == 0


def test_close_of_the_recorder_keeps_its_deadline(place: Any, new_topic: NewTopic, wait_for: WaitFor) -> None:
    """A broker that hangs does not keep the job from ending, though kafka-python would; what it lacks is said."""
    topic = new_topic(place.servers)
    job = Job(KafkaExporter(place.servers, topic=topic))  # whose own patience is longer
    job.work(300)
    assert job.recorder.flush(20)
    place.proxy.stalled = {"requests", "answers"}
    job.work(300)
    begin = time.monotonic()
    assert not job.end(1.0)
    assert time.monotonic() - begin < 1.5
    assert job.stats.pending + job.stats.dropped >= 300
    place.proxy.stalled = set()  # so that its thread ends
    wait_for(lambda: job.stats.pending == 0)


def test_topic_that_the_broker_does_not_know(
    place: Any, new_topic: NewTopic, consume: Consume, wait_for: WaitFor
) -> None:
    """What is recorded for a topic that isn't to be had arrives once it is."""
    topic = new_topic(place.servers)
    place.proxy.hidden = topic.encode()
    job = Job(make(place, topic, producer_config={"max_block_ms": 200}))
    job.work(500)
    wait_for(lambda: job.stats.failures >= 3)
    place.proxy.hidden = b""
    job.work(500)
    assert job.end()
    compare(job, consume(place.servers, topic))
    assert job.stats.dropped == 0


def test_slow_broker(place: Any, new_topic: NewTopic, consume: Consume) -> None:
    """A broker that answers slowly delays the telemetry, and nothing else."""
    topic = new_topic(place.servers)
    place.proxy.pace = 0.05
    job = Job(make(place, topic, producer_config={"bootstrap_timeout_ms": 5_000, "request_timeout_ms": 5_000}))
    for _ in range(5):
        job.work(200)
    assert job.end()
    compare(job, consume(place.servers, topic))
    assert job.stats.dropped == 0


def test_corrupted_requests(place: Any, new_topic: NewTopic, consume: Consume) -> None:
    """What arrives damaged, at the broker or from it, is sent again, and taken once."""
    topic = new_topic(place.servers)
    job = Job(make(place, topic))
    job.work(10)
    assert job.recorder.flush(20)
    for way in ("requests", "answers", "requests", "answers"):
        place.proxy.spoil = [way]
        job.work(500)
        assert job.recorder.flush(20)
        assert place.proxy.spoil == []
    assert job.end()
    compare(job, consume(place.servers, topic))


def test_what_does_not_fit_the_bounds_is_reported(
    place: Any, new_topic: NewTopic, consume: Consume, wait_for: WaitFor
) -> None:
    """A queue that overflows while the broker is away drops records, counts them, and tells the topic how many."""
    topic = new_topic(place.servers)
    job = Job(make(place, topic), queue_capacity=1_000)
    job.work(100)
    assert job.recorder.flush(20)
    place.proxy.refuse()
    job.work(5_000)
    wait_for(lambda: job.stats.failures >= 2)
    place.proxy.accept()
    assert not job.end()
    # The queue has room for 1,000. The exporter has taken no more than a batch of 1,024 by then, and a few.
    assert job.stats.dropped >= 5_000 - 1_000 - 1_024 - 8
    compare(job, consume(place.servers, topic))


def test_broker_killed_and_restarted(place: Any, new_topic: NewTopic, consume: Consume, wait_for: WaitFor) -> None:
    """What is recorded while the broker is down arrives at the one that takes its place."""
    topic = new_topic(place.servers)
    job = Job(make(place, topic))
    job.work(300)
    assert job.recorder.flush(20)
    before = consume(place.servers, topic)
    place.broker.kill()
    job.work(300)
    wait_for(lambda: job.stats.failures >= 2)
    place.broker.start()
    assert job.end()
    # Some brokers keep what they have in memory only, and begin again with the first offset.
    messages = [*before, *consume(place.servers, topic)]
    compare(job, list({(each.partition, each.offset, each.value): each for each in messages}.values()))
    assert job.stats.dropped == 0


UNCLOSED = """
import sys
from one_logger.core import Event
from one_logger.exporter.kafka import KafkaExporter
from one_logger.recorder import DefaultRecorder

recorder = DefaultRecorder([KafkaExporter(sys.argv[1], topic=sys.argv[2], delivery_timeout=30)], flush_interval=0.05)
span = recorder.start("job")
recorder.event(span, Event.create("step", {"number": 0}))
print(recorder.flush(20))
for number in range(1, 500):
    recorder.event(span, Event.create("step", {"number": number}))
"""


def test_interpreter_exit_delivers(brokers: str, topic: str, consume: Consume, run_script: Callable[..., str]) -> None:
    """A job that ends without closing the recorder leaves a whole stream, though kafka-python cleans up at exit."""
    assert run_script(UNCLOSED, brokers, topic) == "True\n"
    records = list(read_records(consume(brokers, topic)))
    assert [r["attributes"]["number"] for r in records if r["type"] == "event"] == list(range(500))
    (report,) = verify(records)
    assert report.whole


FORKING_AT_FIRST = """
import os
import sys
import threading
import time
import warnings
from one_logger.core import Event
from one_logger.exporter.kafka import KafkaExporter
from one_logger.recorder import DefaultRecorder

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
importing, forked = threading.Event(), threading.Event()


class Window:
    # Finds no module, but holds a thread that imports one until the job has forked.
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            importing.set()
            forked.wait()


servers = sys.argv[1].replace("127.0.0.1", "localhost")
recorder = DefaultRecorder([KafkaExporter(servers, topic=sys.argv[2], delivery_timeout=30)], flush_interval=0.05)
sys.meta_path.insert(0, Window())
span = recorder.start("job")
while not importing.is_set() and not recorder.stats()["KafkaExporter"].exported:
    time.sleep(0.001)
child = os.fork()
forked.set()
if not child:
    with_child = recorder.start("job of the child")
    recorder.stop(with_child)
    os._exit(0 if recorder.close(20) else 1)
recorder.stop(span)
print(os.waitpid(child, 0)[1], recorder.close(20))
"""


def test_fork_during_the_first_look_up(
    brokers: str, topic: str, consume: Consume, run_script: Callable[..., str]
) -> None:
    """A job that forks while its exporter looks up a host for the first time leaves two whole streams."""
    assert run_script(FORKING_AT_FIRST, brokers, topic) == "0 True\n"
    assert [report.whole for report in verify(read_records(consume(brokers, topic)))] == [True, True]


FORKING = """
import os
import sys
import warnings
from one_logger.core import Event
from one_logger.exporter.kafka import KafkaExporter
from one_logger.recorder import DefaultRecorder

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
recorder = DefaultRecorder([KafkaExporter(sys.argv[1], topic=sys.argv[2], delivery_timeout=30)], flush_interval=0.05)

def work(first):
    span = recorder.start("job")
    for number in range(first, first + 500):
        recorder.event(span, Event.create("step", {"number": number}))
    recorder.stop(span)

work(0)
recorder.flush(20)
work(500)
children = []
for first in (1_000, 2_000):
    child = os.fork()
    if not child:
        work(first)
        os._exit(0 if recorder.close(20) else 1)
    children.append(child)
work(1_500)
print([os.waitpid(child, 0)[1] for child in children], recorder.close(20))
"""


def test_forked_children_record_beside_their_parent(
    brokers: str, topic: str, consume: Consume, run_script: Callable[..., str]
) -> None:
    """A job that forks while it records leaves a whole stream for each of its processes, and nothing twice."""
    assert run_script(FORKING, brokers, topic) == "[0, 0] True\n"
    records = list(read_records(consume(brokers, topic)))
    numbers = [r["attributes"]["number"] for r in records if r["type"] == "event"]
    assert sorted(numbers) == list(range(2_500))
    assert [report.whole for report in verify(records)] == [True, True, True]
