/* ---
kind: full
description: Times during which a ranged product was out of stock (critical) or below its safety stock (warning). What late snapshots changed is said.
--- */
WITH readings AS (
  SELECT
    store_id,
    product_id,
    snapshot_at,
    on_hand,
    CASE
      WHEN NOT ranged THEN 'not ranged'
      WHEN on_hand <= 0 THEN 'critical'
      WHEN on_hand < safety_stock THEN 'warning'
      ELSE 'ok'
    END AS level,
    -- Late: a later snapshot of the same product had reached us before this one.
    coalesce(
      received_at > min(received_at) OVER (
        PARTITION BY store_id, product_id ORDER BY snapshot_at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ),
      FALSE
    ) AS is_late
  FROM silver.stock
),

touched AS (
  SELECT DISTINCT store_id, product_id FROM readings WHERE is_late
),

seen AS (
  -- As we know it now; where snapshots came late also as it looked without them, when alerts were raised.
  SELECT 'now' AS view, store_id, product_id, snapshot_at, on_hand, level FROM readings
  UNION ALL
  SELECT 'then' AS view, store_id, product_id, snapshot_at, on_hand, level
  FROM readings
  SEMI JOIN touched USING (store_id, product_id)
  WHERE NOT is_late
),

changes AS (
  SELECT
    *,
    level IS DISTINCT FROM lag(level) OVER (PARTITION BY view, store_id, product_id ORDER BY snapshot_at) AS is_change
  FROM seen
),

runs AS (
  SELECT
    *,
    count(*) FILTER (WHERE is_change) OVER (
      PARTITION BY view, store_id, product_id ORDER BY snapshot_at ROWS UNBOUNDED PRECEDING
    ) AS run
  FROM changes
),

spans AS (
  SELECT
    view,
    store_id,
    product_id,
    run,
    max(level) AS level,
    min(snapshot_at) AS started_at,
    min(on_hand) AS lowest_on_hand
  FROM runs
  GROUP BY view, store_id, product_id, run
),

episodes AS (
  SELECT
    view,
    store_id,
    product_id,
    level AS severity,
    started_at,
    lowest_on_hand,
    lead(started_at) OVER following AS ended_at,
    CASE lead(level) OVER following
      WHEN 'not ranged' THEN 'delisted'
      WHEN 'critical' THEN 'ran out'
      WHEN 'warning' THEN 'restocked'
      WHEN 'ok' THEN 'restocked'
    END AS ended_by
  FROM spans
  WINDOW following AS (PARTITION BY view, store_id, product_id ORDER BY run)
  QUALIFY level IN ('critical', 'warning')
),

compared AS (
  SELECT
    store_id,
    product_id,
    severity,
    started_at,
    coalesce(n.lowest_on_hand, t.lowest_on_hand) AS lowest_on_hand,
    CASE WHEN n.view IS NULL THEN t.ended_at ELSE n.ended_at END AS ended_at,
    CASE WHEN n.view IS NULL THEN t.ended_by ELSE n.ended_by END AS ended_by,
    CASE
      WHEN touched.store_id IS NULL THEN NULL
      WHEN n.view IS NULL THEN 'removed by a late snapshot'
      WHEN t.view IS NULL THEN 'opened by a late snapshot'
      WHEN n.ended_at IS DISTINCT FROM t.ended_at AND t.ended_at IS NULL THEN 'closed by a late snapshot'
      WHEN n.ended_at IS DISTINCT FROM t.ended_at THEN 'end moved by a late snapshot'
    END AS late_change
  FROM (SELECT * FROM episodes WHERE view = 'now') AS n
  FULL JOIN (SELECT * FROM episodes WHERE view = 'then') AS t USING (store_id, product_id, severity, started_at)
  LEFT JOIN touched USING (store_id, product_id)
)

SELECT
  CAST(timezone('Europe/Berlin', started_at) AS DATE) AS day,
  concat_ws('/', store_id, product_id, severity, strftime(timezone('UTC', started_at), '%Y-%m-%dT%H:%M:%SZ')) AS episode,
  store_id,
  product_id,
  severity,
  CASE
    WHEN late_change = 'removed by a late snapshot' THEN 'removed'
    WHEN ended_at IS NULL THEN 'open'
    ELSE 'ended'
  END AS state,
  started_at,
  ended_at,
  ended_by,
  lowest_on_hand,
  -- An open episode counts up to the last snapshot of any product.
  CAST(
    (epoch(coalesce(ended_at, z.last_at)) - epoch(started_at)) / 3600 AS DECIMAL(10, 2)
  ) AS hours,
  late_change
FROM compared
CROSS JOIN (SELECT max(snapshot_at) AS last_at FROM silver.stock) AS z
