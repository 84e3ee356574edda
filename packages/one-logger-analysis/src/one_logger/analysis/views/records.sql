-- Each record, as often as it was read. `extra` is a JSON object of what no column can hold.
SELECT v, type, stream, seq, trace_id, span_id, parent_span_id, thread, name, error_type, message,
    start_time_unix_nano, end_time_unix_nano, duration_ns, time_unix_nano, open_spans, status, records, dropped, reason,
    attributes, error, start_event, stop_event, extra, file
FROM record_files
