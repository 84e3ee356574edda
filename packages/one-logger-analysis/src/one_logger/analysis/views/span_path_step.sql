-- A step further: each looks at twice as many spans above.
SELECT a.stream, a.span_key, b.above, a.depth + coalesce(b.depth, 0) AS depth,
    coalesce(b.path || '/', '') || a.path AS path, a.parent_missing OR coalesce(b.parent_missing, FALSE) AS parent_missing
FROM path_steps AS a LEFT JOIN path_steps AS b ON b.stream = a.stream AND b.span_key = a.above
