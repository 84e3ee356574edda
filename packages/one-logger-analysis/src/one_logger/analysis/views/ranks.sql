-- Each rank in each incarnation: its last sign of life, and the span that was open last (the innermost one).
WITH numbered AS (
    -- A rank may have several streams: those of processes that it has forked, say. The first one is its own.
    SELECT *, row_number() OVER (
        PARTITION BY service_name, session_tag, incarnation, rank ORDER BY first_time_unix_nano, stream
    ) AS number
    FROM streams WHERE rank IS NOT NULL
), together AS (
    SELECT service_name, session_tag, incarnation, rank, count(*) AS streams, CAST(sum(records) AS BIGINT) AS records,
        CAST(sum(missing) AS BIGINT) AS missing, CAST(sum(dropped) AS BIGINT) AS dropped,
        CAST(sum(errors) AS BIGINT) AS errors,
        count(CASE WHEN whole THEN 1 END) = count(*) AS whole,
        min(first_time_unix_nano) AS first_time_unix_nano, max(last_time_unix_nano) AS last_time_unix_nano
    FROM streams WHERE rank IS NOT NULL
    GROUP BY service_name, session_tag, incarnation, rank
), open_ones AS (
    SELECT stream, path, start_time_unix_nano, count(*) OVER (PARTITION BY stream) AS open_spans,
        row_number() OVER (PARTITION BY stream ORDER BY start_time_unix_nano DESC, depth DESC, span_id) AS number
    FROM spans WHERE open
)
SELECT n.service_name, n.session_tag, n.incarnation, n.rank, n.local_rank, n.world_size, n.host, n.pid, n.stream,
    n.state, n.reason, t.whole, t.streams, t.records, t.missing, t.dropped, t.errors,
    t.first_time_unix_nano, t.last_time_unix_nano,
    coalesce(o.open_spans, 0) AS open_spans, o.path AS last_open_span,
    o.start_time_unix_nano AS last_open_span_start_time_unix_nano
FROM numbered AS n
JOIN together AS t ON t.service_name IS NOT DISTINCT FROM n.service_name
    AND t.session_tag IS NOT DISTINCT FROM n.session_tag AND t.incarnation = n.incarnation AND t.rank = n.rank
LEFT JOIN open_ones AS o ON o.stream = n.stream AND o.number = 1
WHERE n.number = 1
