/* ---
kind: full
description: The mean engagement score of each segment and day, over all of its customers.
--- */
SELECT
  day,
  segment,
  avg(value) AS mean_score,
  count(*) AS customers
FROM gold.kpi_customer_engagement_score
GROUP BY ALL
