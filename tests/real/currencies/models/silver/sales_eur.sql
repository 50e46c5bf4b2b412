/* ---
kind: append
driving: bronze.sales
description: Every invoice line in euro, at the rate of its day or the last one before.
--- */
SELECT InvoiceNo AS invoice, InvoiceDate AS sold_at, amount_eur, rate, rate_day
FROM convert(
  bronze.sales,
  amounts := {amount_eur: Quantity * UnitPrice}, -- pounds, whatever the country
  currency := 'GBP',
  day := InvoiceDate,
  rates := silver.fx_rates,
  rate := 'last_earlier'
)
