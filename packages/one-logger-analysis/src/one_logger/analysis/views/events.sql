-- Each event, with the path of its span where that was read.
SELECT r.stream, s.rank, s.incarnation, r.seq, r.name, r.time_unix_nano, r.trace_id, r.span_id, p.path, r.thread, r.attributes
FROM distinct_records AS r
LEFT JOIN streams AS s ON s.stream = r.stream
LEFT JOIN spans AS p ON p.stream = r.stream AND p.span_id = r.span_id
WHERE r.type = 'event' AND r.v = 1
