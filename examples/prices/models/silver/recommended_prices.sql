/* ---
kind: full
description: Recommended and floor prices that hold on the first day of each week, in euro at the rate of that day or the last one before.
--- */
WITH weeks AS (
  SELECT DISTINCT product_id, country, week FROM silver.shelf_prices
),

valid AS (
  SELECT w.product_id, w.country, w.week, l.valid_from, l.currency, l.recommended, l.floor
  FROM weeks AS w
  INNER JOIN silver.list_prices AS l
    ON l.product_id = w.product_id AND l.country = w.country AND w.week >= l.valid_from AND w.week < l.valid_until
)

SELECT product_id, country, week, valid_from, currency, recommended_eur, floor_eur, rate, rate_day
FROM convert(
  valid,
  amounts := {recommended_eur: recommended, floor_eur: floor},
  currency := currency,
  day := week,
  rates := silver.fx_rates,
  rate := 'last_earlier'
)
