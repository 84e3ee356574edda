-- Each record once, however often a backend has delivered it.
SELECT * FROM (
    SELECT *, row_number() OVER (
        -- A number that no column holds is in `extra`.
        PARTITION BY stream, seq, CASE WHEN seq IS NULL THEN extra END ORDER BY file, type
    ) AS reading
    FROM records
) AS numbered
WHERE reading = 1
