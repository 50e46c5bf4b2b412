/* ---
kind: full
description: Orders in euro, at the rate of the day on which they were made or the last one before.
--- */
SELECT SALESORDERID AS order_id, CURRENCY AS currency, NETAMOUNT AS net, net_eur, rate, rate_day
FROM convert(
  bronze.bikes_orders,
  amounts := {net_eur: NETAMOUNT},
  currency := CURRENCY,
  day := CREATEDAT,
  rates := silver.fx_rates,
  rate := 'last_earlier',
  within_days := 5
)
