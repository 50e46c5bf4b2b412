/* ---
name: gold.revenue_by_country_month
kind: full
description: Invoice lines, invoices, units and revenue by country and month; cancellations are negative lines.
--- */
SELECT
  Country AS country,
  strftime(InvoiceDate, '%Y-%m') AS month,
  count(*) AS lines,
  count(DISTINCT InvoiceNo) AS invoices,
  sum(Quantity) AS units,
  sum(Quantity * UnitPrice) AS revenue,
  sum(Quantity * UnitPrice) FILTER (WHERE NOT starts_with(InvoiceNo, 'C')) AS revenue_without_cancellations,
  count(*) FILTER (WHERE starts_with(InvoiceNo, 'C')) AS cancellation_lines
FROM bronze.sales
GROUP BY ALL
