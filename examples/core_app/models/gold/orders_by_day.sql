/* ---
kind: partition
partition: [day]
description: Orders, units and their amount, by the day of the order and the shop.
--- */
SELECT day, shop, count(DISTINCT order_id) AS orders, sum(quantity) AS units, sum(amount) AS amount
FROM silver.orders
GROUP BY day, shop
