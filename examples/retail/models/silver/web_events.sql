/* ---
kind: view
description: Events of the shop, with what is a bot by the declared list, and what came more than two hours late.
--- */
SELECT
  w.event_id,
  w.visitor_id,
  w.customer_id,
  w.event_type,
  w.channel,
  w.order_id,
  w.occurred_at,
  EXISTS (
    SELECT 1 FROM bronze.bots AS b WHERE contains(lower(w.user_agent), lower(b.pattern))
  ) AS is_bot,
  w.recorded_at > w.occurred_at + INTERVAL 2 HOURS AS is_too_late
FROM bronze.web_traffic AS w
