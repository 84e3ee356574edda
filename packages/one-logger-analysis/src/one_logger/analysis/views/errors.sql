-- Each error, with the path of its span where that was read.
SELECT r.stream, s.rank, s.incarnation, r.seq, r.name, r.time_unix_nano, r.trace_id, r.span_id, p.path, r.thread,
    r.error ->> '$.message' AS message, r.error ->> '$.exception_type' AS exception_type,
    r.error ->> '$.exception_message' AS exception_message, r.error ->> '$.stack_trace' AS stack_trace, r.attributes
FROM distinct_records AS r
LEFT JOIN streams AS s ON s.stream = r.stream
LEFT JOIN spans AS p ON p.stream = r.stream AND p.span_id = r.span_id
WHERE r.type = 'error' AND r.v = 1
