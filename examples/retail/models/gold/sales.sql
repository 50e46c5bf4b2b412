/* ---
kind: full
description: Every till line with its store, region and product. What master data do not know is shown as unknown, never dropped.
--- */
SELECT
  s.day,
  s.store_id,
  coalesce(st.store, '(unknown store)') AS store,
  coalesce(st.region, '(unknown)') AS region,
  s.product_id,
  coalesce(p.product, '(unknown product)') AS product,
  coalesce(p.category, '(unknown)') AS category,
  s.type,
  CASE WHEN s.type = 'sale' THEN s.sale_id END AS basket,
  s.units,
  s.net_amount
FROM silver.sales AS s
LEFT JOIN silver.stores AS st ON st.store_id = s.store_id
LEFT JOIN silver.products AS p ON p.product_id = s.product_id
