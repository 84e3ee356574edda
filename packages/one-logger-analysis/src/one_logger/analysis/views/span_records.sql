-- The records of spans. `span_key` and `parent_key` stand for the ids in joins.
SELECT stream, seq, type, trace_id, span_id, parent_span_id, thread, name, start_time_unix_nano, end_time_unix_nano,
    duration_ns, status, attributes, start_event, stop_event, span_id AS span_key, parent_span_id AS parent_key
FROM distinct_records
WHERE type IN ('start', 'stop', 'complete') AND v = 1 AND seq >= 1 AND span_id IS NOT NULL
