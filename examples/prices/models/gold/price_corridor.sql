/* ---
kind: full
description: Shelf price against floor and recommended price of the week's first day, by product, country, retailer and week, in euro.
--- */
WITH bounds AS (
  SELECT
    r.product_id,
    r.country,
    r.week,
    r.recommended_eur,
    r.floor_eur,
    r.recommended_eur * (100 - c.below_percent) / 100 AS lower_eur,
    r.recommended_eur * (100 + c.above_percent) / 100 AS upper_eur
  FROM silver.recommended_prices AS r
  LEFT JOIN bronze.corridors AS c ON c.country = r.country
)

SELECT
  s.week,
  s.country,
  s.retailer,
  s.product_id,
  coalesce(p.product, '(unknown product)') AS product,
  s.is_promotion,
  s.price,
  s.currency,
  s.rate,
  s.rate_day,
  s.price_eur,
  b.recommended_eur,
  b.floor_eur,
  CAST(b.lower_eur AS DECIMAL(28, 10)) AS lower_eur,
  CAST(b.upper_eur AS DECIMAL(28, 10)) AS upper_eur,
  CAST(s.price_eur / b.recommended_eur AS DECIMAL(9, 4)) AS price_index,
  -- Prices have ten decimals: what differs by less than a millionth of a cent is equal, and lies in the corridor.
  CASE
    WHEN b.recommended_eur IS NULL THEN 'no_recommended_price'
    WHEN s.price_eur < b.floor_eur - 0.00000001 THEN 'below_floor'
    WHEN s.price_eur < b.lower_eur - 0.00000001 THEN 'below_corridor'
    WHEN s.price_eur > b.upper_eur + 0.00000001 THEN 'above_corridor'
    -- A country without a corridor has no status, and the contract refuses its rows.
    WHEN b.lower_eur IS NOT NULL THEN 'in_corridor'
  END AS status
FROM silver.shelf_prices AS s
LEFT JOIN bounds AS b ON b.product_id = s.product_id AND b.country = s.country AND b.week = s.week
LEFT JOIN bronze.products AS p ON p.product_id = s.product_id
