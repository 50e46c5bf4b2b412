/* ---
kind: partition
partition: [reference]
incremental: always
description: One row per contact, however many systems took it up. It is resolved from its last resolution on, unless it was opened again after it.
--- */
WITH ordered AS (
  SELECT
    reference,
    customer_id,
    event_type,
    type,
    channel,
    priority,
    opened_at,
    occurred_at,
    resolved_at,
    rating,
    row_number() OVER (PARTITION BY reference ORDER BY opened_at, occurred_at, event_id) AS from_first,
    row_number() OVER (
      PARTITION BY reference, event_type IN ('resolved', 'reopened') ORDER BY occurred_at DESC, event_id DESC
    ) AS state_from_last,
    row_number() OVER (PARTITION BY reference, rating IS NOT NULL ORDER BY occurred_at DESC, event_id DESC) AS rating_from_last
  FROM silver.interaction_events
)

SELECT
  reference,
  -- As the system has it that took the contact up first.
  max(type) FILTER (WHERE from_first = 1) AS type,
  max(channel) FILTER (WHERE from_first = 1) AS channel,
  max(priority) FILTER (WHERE from_first = 1) AS priority,
  max(customer_id) FILTER (WHERE from_first = 1) AS customer_id,
  min(opened_at) AS opened_at,
  max(resolved_at) FILTER (WHERE event_type = 'resolved' AND state_from_last = 1) AS resolved_at,
  count(*) FILTER (WHERE event_type = 'reopened') AS times_reopened,
  max(rating) FILTER (WHERE rating_from_last = 1) AS rating,
  max(occurred_at) FILTER (WHERE rating IS NOT NULL AND rating_from_last = 1) AS rated_at
FROM ordered
GROUP BY reference
