/* ---
kind: full
description: Hours in stock and hours ranged, per day, store and product; days on which the product was not ranged are left out.
--- */
SELECT
  day,
  store_id,
  product_id,
  hours_in_stock,
  hours_ranged,
  hours_unknown,
  hours_negative
FROM silver.stock_by_day
WHERE hours_ranged + hours_unknown > 0
