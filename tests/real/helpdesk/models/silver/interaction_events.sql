/* ---
kind: partition
partition: [reference]
incremental: always
description: Events of cases as the retail example's contacts want them. The first event opens a case, the last one resolves it.
--- */
SELECT
  _origin AS event_id,
  CaseID AS reference,
  CAST(NULL AS VARCHAR) AS customer_id,
  'resolved' AS event_type,
  'case' AS type,
  'helpdesk' AS channel,
  'normal' AS priority,
  min(CompleteTimestamp) OVER (PARTITION BY CaseID) AS opened_at,
  CompleteTimestamp AS occurred_at,
  CompleteTimestamp AS resolved_at,
  CAST(NULL AS BIGINT) AS rating
FROM bronze.helpdesk
