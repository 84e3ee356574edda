-- All that is drawn in a trace, in the order that drawing wants. What stands in braces is put in by `Selection`.
WITH depths AS (
    SELECT stream, span_id, min(depth) AS depth FROM spans WHERE {spans} GROUP BY stream, span_id
), ordered AS (
    SELECT stream, rank, first_time_unix_nano, last_time_unix_nano,
        row_number() OVER (ORDER BY rank NULLS LAST, incarnation, first_time_unix_nano, stream) AS place,
        state, dropped
    FROM streams WHERE {of_streams}
), times AS (
    SELECT stream, seq, coalesce(time_unix_nano, end_time_unix_nano, start_time_unix_nano) AS time
    FROM records WHERE {of_streams}
        AND stream IN (SELECT stream FROM gaps)
), missing AS (
    SELECT g.stream, coalesce(max(b.time), min(s.first_time_unix_nano)) AS start, min(a.time) AS end_time,
        g.missing || CASE g.missing WHEN 1 THEN ' record is' ELSE ' records are' END || ' missing' AS name,
        json_object('first_seq', g.first_seq, 'last_seq', g.last_seq) AS details
    FROM gaps AS g JOIN ordered AS s ON s.stream = g.stream
    LEFT JOIN times AS b ON b.stream = g.stream AND b.seq = g.first_seq - 1
    LEFT JOIN times AS a ON a.stream = g.stream AND a.seq = g.last_seq + 1
    GROUP BY g.stream, g.first_seq, g.last_seq, g.missing
    UNION ALL
    SELECT stream, time_unix_nano, NULL, coalesce(
        dropped || CASE dropped WHEN 1 THEN ' record was' ELSE ' records were' END || ' dropped', error_type
    ), json_object('error_type', error_type, 'message', message)
    FROM records WHERE type = 'telemetry_data_error' AND {of_streams}
    UNION ALL
    SELECT s.stream, s.last_time_unix_nano, NULL,
        s.dropped || CASE s.dropped WHEN 1 THEN ' record was' ELSE ' records were' END || ' dropped', NULL
    FROM ordered AS s WHERE s.dropped > 0 AND s.stream NOT IN (
        SELECT stream FROM records WHERE type = 'telemetry_data_error' AND dropped IS NOT NULL
    )
    UNION ALL
    SELECT stream, last_time_unix_nano, NULL, 'cut short: the stream has no end', NULL
    FROM ordered WHERE state = 'cut short'
), items AS (
    SELECT stream, thread, 'span' AS kind, start_time_unix_nano AS start, end_time_unix_nano AS end_time,
        duration_ns, span_id, parent_span_id, name, status, CAST(attributes AS VARCHAR) AS attributes, NULL AS details,
        2 * depth AS level
    FROM spans WHERE {spans}
    UNION ALL
    SELECT e.stream, e.thread, 'event', e.time_unix_nano, NULL, NULL, NULL, e.span_id, e.name, NULL,
        CAST(e.attributes AS VARCHAR), NULL, 2 * coalesce(d.depth, 0) + 1
    FROM (SELECT * FROM events WHERE {events}) AS e
    LEFT JOIN depths AS d ON d.stream = e.stream AND d.span_id = e.span_id
    UNION ALL
    SELECT e.stream, e.thread, 'error', e.time_unix_nano, NULL, NULL, NULL, e.span_id,
        coalesce(e.exception_type, e.message, e.name, 'error'), NULL, CAST(e.attributes AS VARCHAR),
        CAST(json_object(
            'message', e.message, 'exception.type', e.exception_type,
            'exception.message', e.exception_message, 'exception.stacktrace', e.stack_trace
        ) AS VARCHAR), 2 * coalesce(d.depth, 0) + 1
    FROM (SELECT * FROM errors WHERE {errors}) AS e
    LEFT JOIN depths AS d ON d.stream = e.stream AND d.span_id = e.span_id
    UNION ALL
    SELECT stream, NULL, 'missing', start,
        CASE WHEN end_time IS NOT NULL THEN greatest(start, end_time) END,
        NULL, NULL, NULL, name, NULL, NULL, CAST(details AS VARCHAR), 0
    FROM missing WHERE {missing}
)
SELECT i.stream, i.thread, i.kind, greatest(i.start - {zero}, 0), i.end_time - {zero}, i.duration_ns,
    i.span_id, i.parent_span_id, coalesce(i.name, ''), i.status, i.attributes, i.details
FROM items AS i JOIN ordered AS s ON s.stream = i.stream
ORDER BY s.place, i.kind = 'missing', i.thread NULLS FIRST, i.start, i.level, i.end_time DESC NULLS FIRST
