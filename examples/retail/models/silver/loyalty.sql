/* ---
kind: view
description: What happened in the loyalty programme.
--- */
SELECT
  event_id,
  member_id,
  customer_id,
  event_type,
  tier,
  store_id,
  occurred_at,
  recorded_at,
  CAST(timezone('Europe/Berlin', occurred_at) AS DATE) AS day
FROM bronze.loyalty
