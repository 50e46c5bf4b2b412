/* ---
kind: partition
partition: [day]
incremental: always
description: What a customer did on a day - sessions, page views, contacts, purchases. A row without a customer says that the day was one.
--- */
WITH done AS (
  SELECT day, customer_id, 1 AS sessions, page_views, 0 AS interactions, purchases
  FROM silver.sessions
  WHERE NOT is_bot
  UNION ALL
  SELECT
    CAST(timezone('Europe/Berlin', opened_at) AS DATE) AS day, customer_id,
    0 AS sessions, 0 AS page_views, 1 AS interactions, 0 AS purchases
  FROM silver.interactions
  UNION ALL
  -- A card that is shown at a till is a purchase there; what is earned online was bought in the shop, whose orders stand in the sessions.
  SELECT day, customer_id, 0 AS sessions, 0 AS page_views, 0 AS interactions, 1 AS purchases
  FROM silver.loyalty
  WHERE event_type = 'earning' AND store_id IS NOT NULL
)

SELECT
  day,
  customer_id,
  CAST(sum(sessions) AS BIGINT) AS sessions,
  CAST(sum(page_views) AS BIGINT) AS page_views,
  CAST(sum(interactions) AS BIGINT) AS interactions,
  CAST(sum(purchases) AS BIGINT) AS purchases
FROM done
GROUP BY day, customer_id
