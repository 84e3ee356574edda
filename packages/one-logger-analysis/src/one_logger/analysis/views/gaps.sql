-- The ranges of `seq` that are missing in a stream, before the last record that was read.
SELECT stream, previous + 1 AS first_seq, seq - 1 AS last_seq, seq - previous - 1 AS missing
FROM (
    SELECT stream, seq, lag(seq, 1, 0) OVER (PARTITION BY stream ORDER BY seq) AS previous
    FROM records WHERE seq >= 1
) AS pairs
WHERE seq > previous + 1
