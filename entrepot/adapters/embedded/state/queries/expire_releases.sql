-- expire_releases: forget releases before an instant, but for the newest few.
-- Parameters: before, keep_last.
DELETE FROM releases
WHERE at < :before AND id NOT IN (SELECT id FROM releases ORDER BY id DESC LIMIT :keep_last)
