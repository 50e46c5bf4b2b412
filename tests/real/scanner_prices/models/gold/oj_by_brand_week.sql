/* ---
kind: full
description: Units moved, and the least, greatest and mean price per ounce of the brand itself, by brand and week.
--- */
WITH own AS (
  SELECT
    *,
    [price1, price2, price3, price4, price5, price6, price7, price8, price9, price10, price11][brand] AS price
  FROM bronze.oj
)

SELECT
  brand,
  week,
  count(*) AS stores,
  sum(exp(logmove)) AS moved,
  min(price) AS floor_price,
  max(price) AS top_price,
  avg(price) AS mean_price,
  count(*) FILTER (WHERE deal = 1) AS stores_on_deal
FROM own
GROUP BY brand, week
