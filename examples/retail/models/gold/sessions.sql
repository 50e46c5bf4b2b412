/* ---
kind: partition
partition: [day]
incremental: always
description: Sessions of people and of bots by the hour in which they began; events that came too late for any session stand apart, one row each.
--- */
SELECT
  day,
  timezone('UTC', date_trunc('hour', timezone('UTC', started_at))) AS hour,
  channel,
  CASE WHEN is_bot THEN 'bot' ELSE 'person' END AS visit,
  visitor_id,
  started_at,
  duration_s,
  page_views,
  events
FROM silver.sessions
UNION ALL
SELECT
  CAST(timezone('Europe/Berlin', occurred_at) AS DATE) AS day,
  timezone('UTC', date_trunc('hour', timezone('UTC', occurred_at))) AS hour,
  channel,
  'too late' AS visit,
  visitor_id,
  occurred_at AS started_at,
  NULL AS duration_s,
  0 AS page_views,
  1 AS events
FROM silver.web_events
WHERE is_too_late
