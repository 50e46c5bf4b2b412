-- expire_micro_releases: forget releases of micro-batches before an instant, but for the last release of each hour.
-- Parameters: before.
DELETE FROM releases
WHERE
    at < :before
    AND run IN (SELECT id FROM runs WHERE is_micro = 1)
    AND id NOT IN (SELECT max(id) FROM releases GROUP BY substr(at, 1, 13))
