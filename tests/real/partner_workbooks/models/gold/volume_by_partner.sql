/* ---
name: gold.volume_by_partner
kind: full
--- */
SELECT 1 AS partner, count(*) AS weeks, sum(volume) AS volume, sum(volume * price) AS money, count(*) FILTER (display > 0) AS displayed,
       min(week) AS first_week, max(week) AS last_week
FROM bronze.albany
UNION ALL
SELECT 2, count(*), sum(volume), sum(volume * price), count(*) FILTER (display > 0), NULL, NULL FROM bronze.cleveland
UNION ALL
SELECT 3, count(*), sum(volume), sum(volume * price), count(*) FILTER (promo = 'ja'), min(week), max(week) FROM bronze.louisville
UNION ALL
SELECT 4, count(*), sum(volume), sum(volume * price), count(*) FILTER (display > 0), min(week), max(week) FROM bronze.richmond
UNION ALL
SELECT 5, count(*), sum(volume), sum(volume * price), (SELECT count(price_per_point) FROM bronze.tampa_display), min(week), max(week)
FROM bronze.tampa
