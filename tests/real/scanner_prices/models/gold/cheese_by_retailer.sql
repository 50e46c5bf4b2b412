/* ---
kind: full
description: Weeks, volume, revenue, mean price and weeks on display, by retailer.
--- */
SELECT
  RETAILER AS retailer,
  count(*) AS n_weeks,
  sum(VOLUME) AS volume,
  sum(VOLUME * PRICE) AS revenue,
  avg(PRICE) AS mean_price,
  count(*) FILTER (WHERE DISP > 0) AS weeks_on_display
FROM bronze.cheese
GROUP BY RETAILER
