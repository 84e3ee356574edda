-- Start and stop of each span put together; what is still open has no end. `elapsed_ns` is how long it took by the
-- monotonic clock; for an open one, until its stream's last sign of life.
WITH together AS (
    SELECT stream, span_key, parent_key, trace_id, span_id, parent_span_id, coalesce(name, '') AS name, thread, seq,
        start_time_unix_nano, end_time_unix_nano, duration_ns, status, attributes, start_event, stop_event
    FROM span_records WHERE type = 'complete'
    UNION ALL
    SELECT coalesce(a.stream, z.stream), coalesce(a.span_key, z.span_key), a.parent_key,
        coalesce(a.trace_id, z.trace_id), coalesce(a.span_id, z.span_id), a.parent_span_id, coalesce(a.name, z.name, ''),
        a.thread, coalesce(a.seq, z.seq), coalesce(a.start_time_unix_nano, z.end_time_unix_nano - z.duration_ns),
        z.end_time_unix_nano, z.duration_ns, z.status, coalesce(z.attributes, a.attributes), a.start_event, z.stop_event
    FROM (SELECT * FROM span_records WHERE type = 'start') AS a
    FULL JOIN (SELECT * FROM span_records WHERE type = 'stop') AS z ON z.stream = a.stream AND z.span_key = a.span_key
)
SELECT together.*, greatest(0, coalesce(
    duration_ns, end_time_unix_nano - start_time_unix_nano, last_time_unix_nano - start_time_unix_nano
)) AS elapsed_ns
FROM together LEFT JOIN stream_reports ON stream_reports.stream = together.stream
