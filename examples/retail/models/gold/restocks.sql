/* ---
kind: full
description: A row per restock event, and one for each week, store and product in which there was none. Deliveries within an hour are one event.
--- */
WITH RECURSIVE deliveries AS (
  SELECT store_id, product_id, snapshot_at AS delivered_at, restocked_qty AS units
  FROM silver.stock
  WHERE restocked_qty > 0
),

starts AS (
  -- The first delivery starts an event; the next event starts with the first one more than an hour later.
  SELECT store_id, product_id, min(delivered_at) AS started_at
  FROM deliveries
  GROUP BY store_id, product_id
  UNION ALL
  SELECT s.store_id, s.product_id, min(d.delivered_at) AS started_at
  FROM starts AS s
  INNER JOIN deliveries AS d
    ON d.store_id = s.store_id AND d.product_id = s.product_id AND d.delivered_at > s.started_at + INTERVAL 1 HOUR
  GROUP BY s.store_id, s.product_id, s.started_at
),

events AS (
  SELECT
    s.store_id,
    s.product_id,
    s.started_at,
    count(*) AS deliveries,
    CAST(sum(d.units) AS BIGINT) AS units,
    lag(s.started_at) OVER (PARTITION BY s.store_id, s.product_id ORDER BY s.started_at) AS previous_at
  FROM starts AS s
  INNER JOIN deliveries AS d
    ON
      d.store_id = s.store_id AND d.product_id = s.product_id
      AND d.delivered_at >= s.started_at AND d.delivered_at <= s.started_at + INTERVAL 1 HOUR
  GROUP BY s.store_id, s.product_id, s.started_at
),

dated AS (
  SELECT
    *,
    CAST(date_trunc('week', CAST(timezone('Europe/Berlin', started_at) AS DATE)) AS DATE) AS week,
    CAST((epoch(started_at) - epoch(previous_at)) / 3600 AS DECIMAL(10, 2)) AS hours_since_previous
  FROM events
),

weeks AS (
  -- Weeks in which the product was meant to be sold, or came although it was not.
  SELECT DISTINCT CAST(date_trunc('week', day) AS DATE) AS week, store_id, product_id
  FROM gold.stock_days
  UNION
  SELECT DISTINCT week, store_id, product_id FROM dated
)

SELECT
  week,
  store_id,
  product_id,
  d.started_at,
  coalesce(d.deliveries, 0) AS deliveries,
  coalesce(d.units, 0) AS units,
  d.hours_since_previous,
  -- One per week, store and product, so that they can be counted.
  CAST(row_number() OVER (PARTITION BY week, store_id, product_id ORDER BY d.started_at) = 1 AS BIGINT) AS shelf_weeks
FROM weeks
LEFT JOIN dated AS d USING (week, store_id, product_id)
