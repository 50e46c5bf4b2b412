/* ---
name: gold.orders_by_region
kind: full
description: Orders and net amount by sales organisation and currency.
--- */
SELECT SALESORG AS region, CURRENCY AS currency, count(*) AS orders, sum(NETAMOUNT) AS net
FROM bronze.orders
GROUP BY ALL
