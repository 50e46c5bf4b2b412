/* ---
kind: full
description: Units sold beside the average units on hand, per week, store and product. Where stock is not counted the average is unknown, not zero.
--- */
WITH counted AS (
  -- Time-weighted: every known hour weighs the same, unknown hours do not count.
  SELECT
    CAST(date_trunc('week', day) AS DATE) AS week,
    store_id,
    product_id,
    CAST(
      CASE WHEN sum(hours_known) > 0 THEN sum(unit_hours) / sum(hours_known) END AS DECIMAL(18, 6)
    ) AS average_on_hand
  FROM silver.stock_by_day
  GROUP BY ALL
),

sold AS (
  SELECT
    CAST(date_trunc('week', day) AS DATE) AS week,
    store_id,
    product_id,
    CAST(sum(units) AS BIGINT) AS units_sold
  FROM silver.sales
  GROUP BY ALL
)

SELECT
  week,
  store_id,
  product_id,
  coalesce(p.product, '(unknown product)') AS product,
  coalesce(s.units_sold, 0) AS units_sold,
  c.average_on_hand
FROM counted AS c
FULL JOIN sold AS s USING (week, store_id, product_id)
LEFT JOIN silver.products AS p USING (product_id)
