-- total_of_target: what the settled plans of a target add up to; a retry takes rejects away and brings nothing new.
-- Parameters: target.
SELECT
    coalesce(sum(CASE WHEN position_kind <> 'rejects' THEN received END), 0) AS received,
    coalesce(sum(rejected), 0) - coalesce(sum(CASE WHEN position_kind = 'rejects' THEN received END), 0) AS rejected,
    coalesce(sum(duplicate), 0) AS duplicate,
    coalesce(sum(superseded_rows), 0) AS superseded,
    max(settled_at) AS settled_at
FROM plans INDEXED BY plans_totals
WHERE target = :target AND status = 'settled'
