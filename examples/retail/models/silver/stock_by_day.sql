/* ---
kind: full
description: Hours and unit-hours on hand, per day, store and product. A snapshot holds for at most three hours after its own; then the hour is unknown.
--- */
WITH hourly AS (
  -- The last snapshot of each hour; the contract's key makes the order total.
  SELECT
    store_id,
    product_id,
    date_trunc('hour', timezone('UTC', snapshot_at)) AS hour,
    on_hand,
    ranged
  FROM silver.stock
  QUALIFY row_number() OVER (
    PARTITION BY store_id, product_id, date_trunc('hour', timezone('UTC', snapshot_at)) ORDER BY snapshot_at DESC
  ) = 1
),

horizon AS (
  SELECT max(hour) AS last_hour FROM hourly
),

spans AS (
  -- From one snapshot's hour to the next one's, the last one's to the end of what we know.
  SELECT
    h.store_id,
    h.product_id,
    h.hour,
    h.on_hand,
    h.ranged,
    coalesce(
      lead(h.hour) OVER (PARTITION BY h.store_id, h.product_id ORDER BY h.hour), z.last_hour + INTERVAL 1 HOUR
    ) AS next_hour
  FROM hourly AS h
  CROSS JOIN horizon AS z
),

hours AS (
  SELECT
    store_id,
    product_id,
    on_hand,
    ranged,
    slots.hour,
    slots.hour <= spans.hour + INTERVAL 3 HOURS AS is_known
  FROM spans
  CROSS JOIN unnest(generate_series(spans.hour, next_hour - INTERVAL 1 HOUR, INTERVAL 1 HOUR)) AS slots(hour)
)

SELECT
  CAST(timezone('Europe/Berlin', timezone('UTC', hour)) AS DATE) AS day,
  store_id,
  product_id,
  count(*) FILTER (WHERE is_known AND ranged AND on_hand > 0) AS hours_in_stock,
  count(*) FILTER (WHERE is_known AND ranged) AS hours_ranged,
  count(*) FILTER (WHERE NOT is_known AND ranged) AS hours_unknown,
  count(*) FILTER (WHERE is_known AND ranged AND on_hand < 0) AS hours_negative,
  -- Ranged or not: what lies in the store is stock. Below zero is a booking error and nothing that lies there.
  count(*) FILTER (WHERE is_known) AS hours_known,
  CAST(coalesce(sum(greatest(on_hand, 0)) FILTER (WHERE is_known), 0) AS BIGINT) AS unit_hours
FROM hours
GROUP BY ALL
