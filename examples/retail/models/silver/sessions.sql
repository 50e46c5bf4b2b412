/* ---
kind: partition
partition: [visitor_id]
incremental: always
description: One visitor's events with gaps of up to 30 minutes. Events that come up to two hours late open sessions again; a customer who is told later is counted back.
--- */
WITH stepped AS (
  SELECT
    visitor_id,
    event_id,
    customer_id,
    event_type,
    channel,
    order_id,
    occurred_at,
    is_bot,
    lag(occurred_at) OVER (PARTITION BY visitor_id ORDER BY occurred_at, event_id) AS before_at
  FROM silver.web_events
  WHERE NOT is_too_late
),

numbered AS (
  SELECT
    *,
    count(*) FILTER (WHERE before_at IS NULL OR occurred_at > before_at + INTERVAL 30 MINUTES) OVER (
      PARTITION BY visitor_id ORDER BY occurred_at, event_id ROWS UNBOUNDED PRECEDING
    ) AS number
  FROM stepped
),

placed AS (
  SELECT
    *,
    first_value(channel) OVER (
      PARTITION BY visitor_id, number ORDER BY occurred_at, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS first_channel,
    first_value(customer_id IGNORE NULLS) OVER (
      PARTITION BY visitor_id, number ORDER BY occurred_at, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS told_customer
  FROM numbered
),

sessions AS (
  SELECT
    visitor_id,
    number,
    min(occurred_at) AS started_at,
    max(occurred_at) AS ended_at,
    max(first_channel) AS channel,
    max(told_customer) AS told_customer,
    bool_or(is_bot) AS is_bot,
    count(*) AS events,
    count(*) FILTER (WHERE event_type = 'page_view') AS page_views,
    count(DISTINCT order_id) FILTER (WHERE event_type = 'purchase') AS purchases
  FROM placed
  GROUP BY visitor_id, number
),

counted AS (
  -- How often somebody signed in on the device so far: sessions of one number belong to the one who did last.
  SELECT
    *,
    count(told_customer) OVER (PARTITION BY visitor_id ORDER BY number) AS told_so_far
  FROM sessions
)

SELECT
  visitor_id,
  started_at,
  ended_at,
  channel,
  is_bot,
  events,
  page_views,
  purchases,
  CAST((epoch_us(ended_at) - epoch_us(started_at)) * 0.000001 AS DECIMAL(18, 6)) AS duration_s,
  -- Sessions before the first one who signed in are counted back to him.
  max(told_customer) OVER (PARTITION BY visitor_id, greatest(told_so_far, 1)) AS customer_id,
  CAST(timezone('Europe/Berlin', started_at) AS DATE) AS day
FROM counted
