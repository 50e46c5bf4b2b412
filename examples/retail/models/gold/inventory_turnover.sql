/* ---
kind: full
description: Cost of goods sold beside the average inventory at cost, per month, store and product; each day at the cost of that day.
--- */
WITH valued AS (
  SELECT
    b.day,
    CAST(date_trunc('month', b.day) AS DATE) AS month,
    b.store_id,
    b.product_id,
    b.hours_known,
    b.unit_hours,
    c.cost
  FROM silver.stock_by_day AS b
  LEFT JOIN silver.costs AS c
    ON c.product_id = b.product_id AND b.day >= c.valid_from AND b.day < c.valid_until
),

counted AS (
  -- Time-weighted: every known hour weighs the same. A day without a cost makes the average unknown.
  SELECT
    month,
    store_id,
    product_id,
    CAST(
      CASE
        WHEN sum(hours_known) > 0 AND count(*) FILTER (WHERE cost IS NULL AND unit_hours > 0) = 0
          THEN coalesce(sum(unit_hours * cost), 0) / sum(hours_known)
      END AS DECIMAL(18, 6)
    ) AS average_inventory
  FROM valued
  GROUP BY ALL
),

sold AS (
  SELECT
    CAST(date_trunc('month', s.day) AS DATE) AS month,
    s.store_id,
    s.product_id,
    CAST(sum(s.units) AS BIGINT) AS units_sold,
    -- One line without a cost: then the cost of all that was sold is unknown.
    CAST(CASE WHEN count(*) = count(c.cost) THEN sum(s.units * c.cost) END AS DECIMAL(18, 2)) AS cost_of_goods
  FROM silver.sales AS s
  LEFT JOIN silver.costs AS c
    ON c.product_id = s.product_id AND s.day >= c.valid_from AND s.day < c.valid_until
  GROUP BY ALL
),

months AS (
  -- The days of a month that we know of: all of them, but for the first and the last month of the data.
  SELECT CAST(date_trunc('month', day) AS DATE) AS month, count(DISTINCT day) AS days
  FROM silver.stock_by_day
  GROUP BY ALL
)

SELECT
  month,
  store_id,
  product_id,
  coalesce(p.category, '(unknown)') AS category,
  coalesce(s.units_sold, 0) AS units_sold,
  CASE WHEN s.product_id IS NULL THEN 0 ELSE s.cost_of_goods END AS cost_of_goods,
  n.average_inventory,
  coalesce(m.days, 0) AS days
FROM counted AS n
FULL JOIN sold AS s USING (month, store_id, product_id)
LEFT JOIN silver.products AS p USING (product_id)
LEFT JOIN months AS m USING (month)
