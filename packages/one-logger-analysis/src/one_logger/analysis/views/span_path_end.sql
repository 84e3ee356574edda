-- The path from the root to each parent: the path to the span above it, and its own name.
SELECT p.stream, p.span_key, 1 + coalesce(a.depth, 0) AS depth,
    coalesce(a.path || '/', '') || p.name AS path,
    (a.span_key IS NULL AND p.parent_key IS NOT NULL) OR coalesce(a.parent_missing, FALSE) AS parent_missing
FROM span_parents AS p LEFT JOIN path_steps AS a ON a.stream = p.stream AND a.span_key = p.parent_key
