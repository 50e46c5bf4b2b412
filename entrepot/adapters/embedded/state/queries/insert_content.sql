-- insert_content: enter one content of a plan. It is live unless the plan is void or a later plan, restored before this one, supersedes or holds it.
-- Parameters: flow, content, sequence, voided (0 or 1).
INSERT INTO contents (flow, content, sequence, live, superseded_by)
SELECT :flow, :content, :sequence, :voided = 0 AND later.sequence IS NULL, later.sequence
FROM (
    SELECT min(claims.sequence) AS sequence
    FROM (
        SELECT sequence FROM supersessions WHERE flow = :flow AND content = :content AND sequence > :sequence
        UNION
        SELECT sequence FROM contents WHERE flow = :flow AND content = :content AND sequence > :sequence
    ) AS claims
    JOIN plans AS p ON p.flow = :flow AND p.sequence = claims.sequence
    WHERE p.status <> 'voided' AND :voided = 0
) AS later
