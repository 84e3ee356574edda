"""What a trace viewer makes of a trace, for tests: spans on tracks, with what they stand in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from perfetto.protos.perfetto.trace import perfetto_trace_pb2


class Shape(NamedTuple):
    """Something drawn. `inside` is the name of the innermost span around it on its track, `end` None if it is open."""

    track: str
    category: str
    name: str
    start: int
    end: int | None
    inside: str | None
    attributes: dict[str, object]


class Picture(NamedTuple):
    """What is drawn, and the names of the tracks, each as `process/track`, in their order."""

    shapes: list[Shape]
    tracks: list[str]
    start_unix_nano: int


def perfetto_picture(data: bytes) -> Picture:
    """Read a trace as Perfetto does: what ends is the span that began last on its track."""
    trace = perfetto_trace_pb2.Trace.FromString(data)
    processes: dict[int, str] = {}
    by_pid: dict[int, str] = {}
    tracks: dict[int, str] = {}
    ranks: dict[int, tuple[int, int]] = {}
    shapes: list[Shape | None] = []
    stacks: dict[int, list[tuple[int, Shape]]] = {}
    last: dict[int, int] = {}
    start_unix_nano = 0
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        if packet.HasField("clock_snapshot"):
            clocks = {clock.clock_id: clock.timestamp for clock in packet.clock_snapshot.clocks}
            assert clocks[6] == 0
            start_unix_nano = clocks[1]
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            assert track.uuid not in processes
            assert track.uuid not in tracks
            if track.HasField("process"):
                assert not track.HasField("parent_uuid")
                assert track.process.pid not in by_pid
                processes[track.uuid] = by_pid[track.process.pid] = track.process.process_name
            elif track.HasField("thread"):
                assert not track.HasField("parent_uuid")
                assert track.thread.tid not in by_pid
                tracks[track.uuid] = f"{by_pid[track.thread.pid]}/{track.thread.thread_name}"
                ranks[track.uuid] = (track.thread.pid, track.sibling_order_rank)
            elif track.uuid:
                tracks[track.uuid] = f"{processes[track.parent_uuid]}/{track.name}"
                ranks[track.uuid] = (0, track.sibling_order_rank)
        if packet.HasField("track_event"):
            event = packet.track_event
            stack = stacks.setdefault(event.track_uuid, [])
            assert packet.timestamp >= last.get(event.track_uuid, 0), "a track goes back in time"
            last[event.track_uuid] = packet.timestamp
            if event.type == event.TYPE_SLICE_END:
                index, shape = stack.pop()
                shapes[index] = shape._replace(end=packet.timestamp)
                continue
            shape = Shape(
                tracks[event.track_uuid],
                event.categories[0],
                event.name,
                packet.timestamp,
                packet.timestamp if event.type == event.TYPE_INSTANT else None,
                stack[-1][1].name if stack else None,
                dict(_attribute(annotation) for annotation in event.debug_annotations),
            )
            if event.type == event.TYPE_SLICE_BEGIN:
                stack.append((len(shapes), shape))
            shapes.append(shape)
    ordered = sorted(tracks, key=lambda uuid: ranks[uuid])
    return Picture([shape for shape in shapes if shape], [tracks[uuid] for uuid in ordered], start_unix_nano)


def _attribute(annotation: perfetto_trace_pb2.DebugAnnotation) -> tuple[str, object]:
    """The name of an attribute, with dots between what is nested, and its value."""
    if annotation.dict_entries:
        [entry] = annotation.dict_entries
        rest, value = _attribute(entry)
        return f"{annotation.name}.{rest}", value
    return annotation.name, _value(annotation)


def _value(annotation: perfetto_trace_pb2.DebugAnnotation) -> object:
    if annotation.array_values:
        return [_value(item) for item in annotation.array_values]
    kind = annotation.WhichOneof("value")
    return getattr(annotation, kind) if kind else []


def chrome_picture(data: bytes) -> Picture:
    """Read a trace as viewers of Chrome's format do: what ends is the span that began last on its track."""
    trace = json.loads(data, parse_float=Decimal)
    processes: dict[int, str] = {}
    tracks: dict[tuple[int, int], str] = {}
    shapes: list[Shape] = []
    stacks: dict[tuple[int, int], list[int]] = {}
    last: dict[tuple[int, int], int] = {}
    for event in trace["traceEvents"]:
        key = (event["pid"], event["tid"])
        if event["ph"] == "M":
            if event["name"] == "process_name":
                assert event["pid"] not in processes
                processes[event["pid"]] = event["args"]["name"]
            elif event["name"] == "thread_name":
                assert key not in tracks
                tracks[key] = f"{processes[event['pid']]}/{event['args']['name']}"
            continue
        time = _nanoseconds(event["ts"])
        assert time >= last.get(key, 0), "a track goes back in time"
        last[key] = time
        stack = stacks.setdefault(key, [])
        if event["ph"] == "E":
            index = stack.pop()
            shapes[index] = shapes[index]._replace(end=time)
            continue
        end = {"B": None, "i": time}[event["ph"]]
        inside = shapes[stack[-1]].name if stack else None
        if event["ph"] == "B":
            stack.append(len(shapes))
        shapes.append(Shape(tracks[key], event["cat"], event["name"], time, end, inside, event["args"]))
    return Picture(shapes, list(tracks.values()), int(trace["otherData"]["start_unix_nano"]))


def _nanoseconds(microseconds: object) -> int:
    nanoseconds = Decimal(str(microseconds)) * 1000
    assert nanoseconds == int(nanoseconds)
    return int(nanoseconds)


def named(shapes: list[Shape], name: str) -> Shape:
    """The one shape of this name."""
    (shape,) = (shape for shape in shapes if shape.name == name)
    return shape


def of_category(shapes: list[Shape], category: str) -> Iterator[Shape]:
    """The shapes of one category."""
    return (shape for shape in shapes if shape.category == category)
