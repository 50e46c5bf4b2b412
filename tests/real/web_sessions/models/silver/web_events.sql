/* ---
kind: view
description: Requests as the retail example's sessions want them. A visitor is an address with a browser; what is no picture, style or script is a page.
--- */
SELECT
  _origin AS event_id,
  concat_ws(' ', r.host, coalesce(r.agent, '-')) AS visitor_id,
  CAST(NULL AS VARCHAR) AS customer_id,
  CASE
    WHEN r.method = 'GET' AND NOT regexp_matches(r.path, '\.(css|js|png|jpg|jpeg|gif|ico|svg|woff|ttf|eot)([?].*)?$')
      THEN 'page_view'
    ELSE 'other'
  END AS event_type,
  'web' AS channel,
  CAST(NULL AS VARCHAR) AS order_id,
  r.time AS occurred_at,
  EXISTS (SELECT 1 FROM bronze.bots AS b WHERE contains(lower(r.agent), lower(b.pattern))) AS is_bot,
  FALSE AS is_too_late
FROM bronze.requests AS r
