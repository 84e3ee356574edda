-- The path from the root to each parent: at each step twice as many spans above are looked at. Ten steps are enough for
-- a depth of 1,023. A slash in a name is written as \/.
WITH step_0 AS (
    SELECT p.stream, p.span_key, q.span_key AS above, 1 AS depth,
        replace(replace(p.name, '\', '\\'), '/', '\/') AS path,
        q.span_key IS NULL AND p.parent_key IS NOT NULL AS parent_missing
    FROM span_parents AS p LEFT JOIN span_parents AS q ON q.stream = p.stream AND q.span_key = p.parent_key
), step_1 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_0 AS a LEFT JOIN step_0 AS b ON b.stream = a.stream AND b.span_key = a.above
), step_2 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_1 AS a LEFT JOIN step_1 AS b ON b.stream = a.stream AND b.span_key = a.above
), step_3 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_2 AS a LEFT JOIN step_2 AS b ON b.stream = a.stream AND b.span_key = a.above
), step_4 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_3 AS a LEFT JOIN step_3 AS b ON b.stream = a.stream AND b.span_key = a.above
), step_5 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_4 AS a LEFT JOIN step_4 AS b ON b.stream = a.stream AND b.span_key = a.above
), step_6 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_5 AS a LEFT JOIN step_5 AS b ON b.stream = a.stream AND b.span_key = a.above
), step_7 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_6 AS a LEFT JOIN step_6 AS b ON b.stream = a.stream AND b.span_key = a.above
), step_8 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_7 AS a LEFT JOIN step_7 AS b ON b.stream = a.stream AND b.span_key = a.above
), step_9 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_8 AS a LEFT JOIN step_8 AS b ON b.stream = a.stream AND b.span_key = a.above
), step_10 AS (
    SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
        coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
    FROM step_9 AS a LEFT JOIN step_9 AS b ON b.stream = a.stream AND b.span_key = a.above
)
SELECT stream, span_key, depth, path, parent_missing FROM step_10
