/* ---
kind: partition
partition: [day]
description: A row per contact on the day of its last resolution, and one per contact and day at whose end it is open, with its age then.
--- */
WITH days AS (
  -- Days on which anything happened; the last one ends when its day does.
  SELECT DISTINCT
    CAST(timezone('Europe/Berlin', occurred_at) AS DATE) AS day,
    timezone('Europe/Berlin', CAST(CAST(timezone('Europe/Berlin', occurred_at) AS DATE) + INTERVAL 1 DAY AS TIMESTAMP)) AS ends_at
  FROM silver.interaction_events
)

SELECT
  CAST(timezone('Europe/Berlin', i.resolved_at) AS DATE) AS day,
  i.type,
  i.priority,
  i.reference,
  TRUE AS is_resolved,
  CAST((epoch_us(i.resolved_at) - epoch_us(i.opened_at)) / 3600000000 AS DECIMAL(18, 6)) AS hours,
  i.times_reopened
FROM silver.interactions AS i
WHERE i.resolved_at IS NOT NULL
UNION ALL
SELECT
  d.day,
  i.type,
  i.priority,
  i.reference,
  FALSE AS is_resolved,
  CAST((epoch_us(d.ends_at) - epoch_us(i.opened_at)) / 3600000000 AS DECIMAL(18, 6)) AS hours,
  i.times_reopened
FROM days AS d
INNER JOIN silver.interactions AS i
  ON i.opened_at < d.ends_at AND (i.resolved_at IS NULL OR i.resolved_at >= d.ends_at)
