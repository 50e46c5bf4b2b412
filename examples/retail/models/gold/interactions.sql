/* ---
kind: partition
partition: [day]
description: Contacts by the hour in which they were opened, each once.
--- */
SELECT
  CAST(timezone('Europe/Berlin', opened_at) AS DATE) AS day,
  timezone('UTC', date_trunc('hour', timezone('UTC', opened_at))) AS hour,
  reference,
  type,
  channel,
  priority,
  customer_id
FROM silver.interactions
