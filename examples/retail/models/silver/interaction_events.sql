/* ---
kind: append
driving: bronze.interactions
description: Events of customers' contacts. A resolution before the contact began is rejected, the contact stays as it was.
--- */
SELECT
  event_id,
  interaction_id,
  reference,
  customer_id,
  event_type,
  type,
  channel,
  priority,
  opened_at,
  occurred_at,
  recorded_at,
  CASE WHEN event_type = 'resolved' THEN coalesce(resolved_at, occurred_at) END AS resolved_at,
  rating,
  CASE
    WHEN event_type = 'resolved'
      THEN CAST((epoch_us(coalesce(resolved_at, occurred_at)) - epoch_us(opened_at)) * 0.000001 AS DECIMAL(18, 6))
  END AS seconds_to_resolve
FROM bronze.interactions
