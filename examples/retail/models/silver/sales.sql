/* ---
kind: append
driving: bronze.sales
description: Till lines with signed units and net amounts, each on the day on which it happened in the stores' time.
--- */
SELECT
  sale_id,
  line,
  store_id,
  product_id,
  type,
  sold_at,
  CAST(timezone('Europe/Berlin', sold_at) AS DATE) AS day,
  CASE WHEN type = 'sale' THEN quantity ELSE -quantity END AS units,
  CAST(
    CASE WHEN type = 'sale' THEN 1 ELSE -1 END * (quantity * unit_price - discount) AS DECIMAL(18, 2)
  ) AS net_amount
FROM bronze.sales
