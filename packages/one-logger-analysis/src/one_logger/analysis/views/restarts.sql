-- Each incarnation of a job: its first start, and each restart.
SELECT service_name, session_tag, incarnation, max(job_id) AS job_id, max(restart) AS restart,
    min(first_time_unix_nano) AS first_time_unix_nano, max(last_time_unix_nano) AS last_time_unix_nano,
    count(*) AS streams, count(DISTINCT rank) AS ranks, max(world_size) AS world_size,
    CAST(sum(records) AS BIGINT) AS records, CAST(sum(errors) AS BIGINT) AS errors,
    count(CASE WHEN whole THEN 1 END) AS whole_streams, count(CASE WHEN closed THEN 1 END) AS closed_streams,
    count(CASE WHEN state = 'alive' THEN 1 END) AS alive_streams
FROM streams
GROUP BY service_name, session_tag, incarnation
