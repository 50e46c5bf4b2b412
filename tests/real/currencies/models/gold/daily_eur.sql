/* ---
kind: full
description: Each day's sum in pounds, divided by that day's rate.
--- */
SELECT day, gbp, eur, rate, rate_day
FROM convert(
  daily(bronze.sales, day := InvoiceDate, sum := {gbp: Quantity * UnitPrice}),
  amounts := {eur: gbp}, currency := 'GBP', day := day, rates := silver.fx_rates, rate := 'last_earlier'
)
