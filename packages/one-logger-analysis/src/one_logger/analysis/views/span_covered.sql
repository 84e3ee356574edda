-- How much of each parent's time its children cover, by the union of their intervals: they may overlap, in threads.
WITH inside AS (
    SELECT c.stream, c.parent_key, greatest(c.start_time_unix_nano, p.start_time_unix_nano) AS from_ns,
        least(c.start_time_unix_nano + c.elapsed_ns, p.start_time_unix_nano + p.elapsed_ns) AS to_ns
    FROM span_times AS c JOIN span_parents AS p ON p.stream = c.stream AND p.span_key = c.parent_key
    -- `greatest` and `least` pass over NULL.
    WHERE c.start_time_unix_nano IS NOT NULL AND p.start_time_unix_nano IS NOT NULL
), before AS (
    SELECT *, max(to_ns) OVER (
        PARTITION BY stream, parent_key ORDER BY from_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered_to
    FROM inside WHERE to_ns > from_ns
)
SELECT stream, parent_key AS span_key,
    CAST(sum(greatest(0, to_ns - greatest(from_ns, coalesce(covered_to, from_ns)))) AS BIGINT) AS covered_ns
FROM before GROUP BY stream, parent_key
