-- What the records of a stream say of it. `streams` adds what its resource says, and what the clock does.
WITH numbered AS (
    -- Numbers begin with 1; a record with another one shows that the stream is there, and nothing else.
    SELECT *, CASE WHEN seq >= 1 THEN type END AS numbered_type,
        -- What is no number of records says that some were dropped, but not how many: at least one.
        CASE WHEN dropped < 0 OR (dropped IS NULL AND extra LIKE '%"dropped":%') THEN 1 ELSE coalesce(dropped, 0) END AS lost
    FROM distinct_records
), counted AS (
    SELECT stream, count(numbered_type) AS records,
        count(CASE WHEN numbered_type = 'end' THEN 1 END) > 0 AS closed,
        count(CASE WHEN numbered_type = 'telemetry_data_error' THEN 1 END) AS telemetry_data_errors,
        count(CASE WHEN numbered_type = 'error' THEN 1 END) AS errors,
        CAST(least(greatest(
            coalesce(sum(CASE WHEN numbered_type = 'telemetry_data_error' THEN lost END), 0),
            coalesce(max(CASE WHEN numbered_type = 'end' THEN lost END), 0)
        ), 3999999999999999999) AS BIGINT) AS dropped,
        max(CASE WHEN type = 'end' THEN reason END) AS reason,
        min(least(time_unix_nano, start_time_unix_nano, end_time_unix_nano)) AS first_time_unix_nano,
        max(greatest(time_unix_nano, start_time_unix_nano, end_time_unix_nano)) AS last_time_unix_nano,
        max(CASE WHEN type = 'alive' THEN time_unix_nano END) AS last_alive_time_unix_nano,
        max(CASE WHEN type = 'resource' THEN attributes END) AS attributes
    FROM numbered
    GROUP BY stream
), missed AS (
    SELECT stream, count(*) AS gaps, CAST(least(sum(missing), 3999999999999999999) AS BIGINT) AS missing FROM gaps GROUP BY stream
)
SELECT counted.stream, closed AND gaps IS NULL AND dropped = 0 AS whole, closed, records,
    coalesce(gaps, 0) AS gaps, coalesce(missing, 0) AS missing, dropped, telemetry_data_errors, errors, reason,
    first_time_unix_nano, last_time_unix_nano, last_alive_time_unix_nano, attributes
FROM counted LEFT JOIN missed ON missed.stream = counted.stream
