/* ---
kind: partition
partition: [shop, order_id]
description: One row per order, as the order application takes it, with the record that brought it; its lines in a list.
--- */
SELECT
  shop,
  order_id,
  max(record_id) AS record_id,
  max(received_at) AS received_at,
  min(ordered_at) AS ordered_at,
  min(country) AS country,
  sum(amount) AS amount,
  list({line: line, article: article, quantity: quantity, unit_price: unit_price} ORDER BY line, _record_id) AS lines
FROM silver.orders
GROUP BY shop, order_id
