-- expire_micro_runs: forget micro-batches that ended well before an instant and that no release names.
-- Parameters: before.
DELETE FROM runs
WHERE
    is_micro = 1 AND status = 'succeeded' AND started_at < :before
    AND id NOT IN (SELECT run FROM releases)
    AND id NOT IN (SELECT run FROM judgements)
