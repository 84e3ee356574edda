-- Each span, with its path, its depth (0 for a root), and the time that none of its children covers.
SELECT t.stream, s.rank, s.incarnation, t.trace_id, t.span_id, t.parent_span_id, t.name,
    coalesce(p.path || '/', '') || replace(replace(t.name, '\', '\\'), '/', '\/') AS path,
    CAST(coalesce(p.depth, 0) AS BIGINT) AS depth, t.thread, t.seq, t.start_time_unix_nano, t.end_time_unix_nano, t.duration_ns,
    t.elapsed_ns, t.elapsed_ns - coalesce(c.covered_ns, 0) AS self_ns,
    t.end_time_unix_nano IS NULL AS open,
    (t.parent_key IS NOT NULL AND p.path IS NULL) OR coalesce(p.parent_missing, FALSE) AS parent_missing,
    t.status, t.attributes, t.start_event, t.stop_event
FROM span_times AS t
LEFT JOIN streams AS s ON s.stream = t.stream
LEFT JOIN span_paths AS p ON p.stream = t.stream AND p.span_key = t.parent_key
LEFT JOIN span_covered AS c ON c.stream = t.stream AND c.span_key = t.span_key
