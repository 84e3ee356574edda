-- Each stream: what can be proved of it, who wrote it, and whether it is still being written by the reader's clock.
-- `incarnation` is 1 for the first start of a job, and one more for each restart. What a launcher says of restarts is a
-- hint; where it says nothing, streams that overlap in time belong together.
WITH described AS (
    -- A cast alone takes 3.7 for 4.
    SELECT *,
        attributes ->> '$."service.name"' AS service_name,
        attributes ->> '$."one_logger.session_tag"' AS session_tag,
        attributes ->> '$."one_logger.job_id"' AS job_id,
        try_cast(regexp_extract(attributes ->> '$."one_logger.restart"', '^[0-9]+\z') AS BIGINT) AS restart,
        try_cast(regexp_extract(attributes ->> '$."one_logger.rank"', '^[0-9]+\z') AS BIGINT) AS rank,
        try_cast(regexp_extract(attributes ->> '$."one_logger.local_rank"', '^[0-9]+\z') AS BIGINT) AS local_rank,
        try_cast(regexp_extract(attributes ->> '$."one_logger.world_size"', '^[0-9]+\z') AS BIGINT) AS world_size,
        attributes ->> '$."host.name"' AS host,
        try_cast(regexp_extract(attributes ->> '$."process.pid"', '^[0-9]+\z') AS BIGINT) AS pid,
        attributes ->> '$."process.executable.name"' AS executable,
        coalesce(first_time_unix_nano, 0) AS began,
        coalesce(last_time_unix_nano, first_time_unix_nano, 0) AS ended
    FROM stream_reports
), ordered AS (
    SELECT *, max(ended) OVER (
        PARTITION BY service_name, session_tag, job_id, restart ORDER BY began, stream
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS ended_before
    FROM described
), islands AS (
    SELECT *, sum(CASE WHEN began > ended_before THEN 1 ELSE 0 END) OVER (
        PARTITION BY service_name, session_tag, job_id, restart ORDER BY began, stream
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS island
    FROM ordered
), begun AS (
    SELECT *, min(began) OVER (PARTITION BY service_name, session_tag, job_id, restart, island) AS incarnation_began
    FROM islands
)
SELECT stream,
    CASE WHEN NOT closed AND last_time_unix_nano >= now_unix_nano - alive_within_ns THEN 'alive'
        WHEN NOT closed THEN 'cut short' WHEN gaps > 0 THEN 'gaps' WHEN dropped > 0 THEN 'dropped' ELSE 'whole'
    END AS state,
    whole, closed, records, gaps, missing, dropped, telemetry_data_errors, errors, reason,
    service_name, session_tag, job_id,
    dense_rank() OVER (
        PARTITION BY service_name, session_tag ORDER BY incarnation_began, job_id, restart, island
    ) AS incarnation,
    restart, rank, local_rank, world_size, host, pid, executable,
    first_time_unix_nano, last_time_unix_nano, last_alive_time_unix_nano, attributes
FROM begun CROSS JOIN reading
