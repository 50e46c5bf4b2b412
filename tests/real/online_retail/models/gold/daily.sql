/* ---
name: gold.daily
kind: full
--- */
SELECT
  CAST(InvoiceDate AS DATE) AS day,
  count(*) AS lines,
  count(DISTINCT InvoiceNo) AS invoices,
  sum(Quantity) AS units,
  sum(Quantity * UnitPrice) AS revenue
FROM bronze.sales
GROUP BY ALL
