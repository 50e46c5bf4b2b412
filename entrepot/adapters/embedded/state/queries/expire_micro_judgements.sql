-- expire_micro_judgements: forget what was judged in micro-batches before an instant and has been judged since.
-- Parameters: before.
DELETE FROM judgements
WHERE
    at < :before
    AND run IN (SELECT id FROM runs WHERE is_micro = 1 AND status = 'succeeded')
    AND EXISTS (
        SELECT 1 FROM judgements AS newer
        WHERE newer.dataset = judgements.dataset AND newer.kind = judgements.kind AND newer.at > judgements.at
    )
    AND NOT EXISTS (
        SELECT 1 FROM releases, json_each(releases.tables) AS released
        WHERE released.key = judgements.dataset AND released.value = judgements.version
    )
