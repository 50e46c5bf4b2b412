/* ---
kind: view
description: What a piece costs, from one day up to but not including another. The last cost known holds on.
--- */
SELECT
  product_id,
  valid_from,
  coalesce(lead(valid_from) OVER (PARTITION BY product_id ORDER BY valid_from), DATE '9999-12-31') AS valid_until,
  cost
FROM bronze.costs
