/* ---
kind: full
description: Shelf prices of all retailers, weeks by their Monday, in euro at the rate of that day or the last one before.
--- */
WITH sent AS (
  SELECT
    'Nordmarkt' AS retailer,
    'DE' AS country,
    product_id,
    CAST(date_trunc('week', week_ending) AS DATE) AS week,
    promotion IS NOT NULL AS is_promotion,
    price,
    'EUR' AS currency
  FROM bronze.nordmarkt
  UNION ALL
  SELECT 'Zielona', 'PL', product_id, week, promotion = 'tak', price, 'PLN' FROM bronze.zielona
  UNION ALL
  SELECT
    'Alpina',
    'CH',
    product_id,
    CAST(strptime(week || '-1', '%G-W%V-%u') AS DATE),
    promotion IS NOT NULL,
    price,
    'CHF'
  FROM bronze.alpina
  UNION ALL
  SELECT 'Albion', 'GB', product_id, week, promotion IS NOT NULL, price, 'GBP' FROM bronze.albion
  UNION ALL
  SELECT 'Balkan', 'BG', product_id, week, promotion = 'yes', price, currency FROM bronze.balkan
)

SELECT retailer, product_id, week, country, is_promotion, price, currency, price_eur, rate, rate_day
FROM convert(
  sent,
  amounts := [price],
  currency := currency,
  day := week,
  rates := silver.fx_rates,
  rate := 'last_earlier',
  within_days := 7                 -- a currency that is quoted no more must not be converted for ever
)
