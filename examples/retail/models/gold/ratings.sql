/* ---
kind: partition
partition: [day]
description: The last rating of each contact, on the day on which it was given.
--- */
SELECT
  CAST(timezone('Europe/Berlin', rated_at) AS DATE) AS day,
  channel,
  reference,
  type,
  rating
FROM silver.interactions
WHERE rated_at IS NOT NULL
