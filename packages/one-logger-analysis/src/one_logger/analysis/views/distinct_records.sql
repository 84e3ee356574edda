-- Each record once, however often a backend has delivered it.
SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY stream, seq ORDER BY file, type) AS reading FROM records
) AS numbered
WHERE reading = 1
