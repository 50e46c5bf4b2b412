/* ---
kind: view
description: Products as they are sold.
--- */
SELECT
  product_id,
  name AS product,
  category,
  brand,
  list_price,
  cost
FROM bronze.products
