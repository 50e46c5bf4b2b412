-- rejected_of_flow: rows that a flow rejected since it wrote its target as a whole.
-- Parameters: flow.
SELECT coalesce(sum(rejected), 0)
FROM plans
WHERE flow = :flow AND status = 'settled' AND rejected > 0 AND sequence >= coalesce(
    (
        SELECT max(sequence) FROM plans
        WHERE flow = :flow AND status = 'settled' AND json_extract(mode, '$.kind') = 'replace'
    ),
    0
)
