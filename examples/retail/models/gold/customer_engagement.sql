/* ---
kind: partition
partition: [day]
incremental: always
description: What each customer did in the 30 days up to a day, older things counted less - half after 14 days. The KPI's file weighs it.
--- */
WITH days AS (
  SELECT DISTINCT day FROM silver.customer_days
),

decayed AS (
  -- Rounded to ten digits before they are added, so that sums do not depend on their order.
  SELECT
    d.day,
    a.customer_id,
    sum(a.sessions * CAST(pow(0.5, (d.day - a.day) / 14.0) AS DECIMAL(12, 10))) AS sessions,
    sum(a.page_views * CAST(pow(0.5, (d.day - a.day) / 14.0) AS DECIMAL(12, 10))) AS page_views,
    sum(a.interactions * CAST(pow(0.5, (d.day - a.day) / 14.0) AS DECIMAL(12, 10))) AS interactions,
    sum(a.purchases * CAST(pow(0.5, (d.day - a.day) / 14.0) AS DECIMAL(12, 10))) AS purchases
  FROM days AS d
  INNER JOIN silver.customer_days AS a ON a.day > d.day - 30 AND a.day <= d.day
  WHERE a.customer_id IS NOT NULL
  GROUP BY d.day, a.customer_id
)

SELECT
  d.day,
  c.customer_id,
  c.segment,
  CAST(coalesce(e.sessions, 0) AS DECIMAL(18, 10)) AS sessions,
  CAST(coalesce(e.page_views, 0) AS DECIMAL(18, 10)) AS page_views,
  CAST(coalesce(e.interactions, 0) AS DECIMAL(18, 10)) AS interactions,
  CAST(coalesce(e.purchases, 0) AS DECIMAL(18, 10)) AS purchases
FROM days AS d
CROSS JOIN bronze.customers AS c
LEFT JOIN decayed AS e ON e.day = d.day AND e.customer_id = c.customer_id
UNION ALL
-- Who signed in without being in the master data; shown as long as there is something to count.
SELECT
  e.day,
  e.customer_id,
  '(unknown)' AS segment,
  CAST(e.sessions AS DECIMAL(18, 10)) AS sessions,
  CAST(e.page_views AS DECIMAL(18, 10)) AS page_views,
  CAST(e.interactions AS DECIMAL(18, 10)) AS interactions,
  CAST(e.purchases AS DECIMAL(18, 10)) AS purchases
FROM decayed AS e
WHERE NOT EXISTS (SELECT 1 FROM bronze.customers AS c WHERE c.customer_id = e.customer_id)
