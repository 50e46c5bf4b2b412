/* ---
name: gold.sales_by_department_month
kind: full
description: Sales and discounts by department; lines whose product is in no master list stand under their own name.
--- */
SELECT
  CASE WHEN p.product_id IS NULL THEN '(no product master)' ELSE p.department END AS department,
  strftime(t.transaction_timestamp, '%Y-%m') AS month,
  count(*) AS lines,
  sum(t.sales_value) AS sales,
  sum(t.retail_disc) AS retail_disc
FROM bronze.transactions AS t
LEFT JOIN bronze.products AS p ON p.product_id = t.product_id
GROUP BY ALL
