-- The parents of parents as far as they know by themselves, and the span above each. Most parents are none of these.
SELECT p.stream, p.span_key, q.span_key AS above, 1 AS depth,
    p.name AS path, q.span_key IS NULL AND p.parent_key IS NOT NULL AS parent_missing
FROM span_parents AS p LEFT JOIN span_parents AS q ON q.stream = p.stream AND q.span_key = p.parent_key
WHERE EXISTS (SELECT 1 FROM span_parents AS c WHERE c.stream = p.stream AND c.parent_key = p.span_key)
