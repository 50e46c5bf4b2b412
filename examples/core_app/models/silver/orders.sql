/* ---
kind: append
driving: bronze.orders
description: Lines of orders with their amount, each on the day on which it was ordered.
--- */
SELECT
  integration_id AS shop,
  order_id,
  line,
  ordered_at,
  CAST(ordered_at AS DATE) AS day,
  country,
  article,
  quantity,
  unit_price,
  CAST(quantity * unit_price AS DECIMAL(14, 2)) AS amount,
  record_id,
  external_reference,
  received_at
FROM bronze.orders
