/* ---
kind: view
description: List prices from one day up to but not including another.
--- */
SELECT
  product_id,
  country,
  currency,
  recommended,
  floor,
  valid_from,
  least(
    coalesce(valid_to + 1, DATE '9999-12-31'),
    coalesce(lead(valid_from) OVER (PARTITION BY product_id, country ORDER BY valid_from), DATE '9999-12-31')
  ) AS valid_until
FROM bronze.price_lists
