-- The spans that others have as their parent, each with its name as it stands in a path.
SELECT stream, span_key, parent_key, replace(replace(name, '\', '\\'), '/', '\/') AS name, start_time_unix_nano, elapsed_ns
FROM (
    SELECT *, row_number() OVER (PARTITION BY stream, span_key ORDER BY seq) AS number
    FROM span_times AS p
    WHERE EXISTS (SELECT 1 FROM span_times AS c WHERE c.stream = p.stream AND c.parent_key = p.span_key)
) AS numbered
WHERE number = 1
