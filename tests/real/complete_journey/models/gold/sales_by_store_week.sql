/* ---
name: gold.sales_by_store_week
kind: full
--- */
SELECT
  store_id, week, count(*) AS lines, count(DISTINCT basket_id) AS baskets, sum(quantity) AS quantity,
  sum(sales_value) AS sales, sum(retail_disc) AS retail_disc
FROM bronze.transactions
GROUP BY ALL
