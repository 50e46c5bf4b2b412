/* ---
kind: partition
partition: [month]
description: Who is a member of the loyalty programme at the end of a month, in which tier, and whether anything was done in it. Those who left in the month stand beside.
--- */
WITH months AS (
  -- Months in which anything was recorded; who joined long ago is told with the date of old, which makes no month.
  SELECT DISTINCT CAST(date_trunc('month', timezone('Europe/Berlin', recorded_at)) AS DATE) AS month
  FROM silver.loyalty
),

bounds AS (
  SELECT
    month,
    timezone('Europe/Berlin', CAST(month AS TIMESTAMP)) AS begins_at,
    timezone('Europe/Berlin', CAST(month + INTERVAL 1 MONTH AS TIMESTAMP)) AS ends_at
  FROM months
),

told AS (
  -- All that is known of a member at the end of a month, the newest first.
  SELECT
    b.month,
    b.begins_at,
    l.member_id,
    l.customer_id,
    l.event_type,
    l.tier,
    l.occurred_at,
    row_number() OVER (PARTITION BY b.month, l.member_id ORDER BY l.occurred_at DESC, l.event_id DESC) AS from_last,
    row_number() OVER (
      PARTITION BY b.month, l.member_id, l.event_type IN ('enrol', 'leave') ORDER BY l.occurred_at DESC, l.event_id DESC
    ) AS change_from_last
  FROM bounds AS b
  INNER JOIN silver.loyalty AS l ON l.occurred_at < b.ends_at
),

standing AS (
  SELECT
    month,
    member_id,
    max(customer_id) FILTER (WHERE from_last = 1) AS customer_id,
    max(tier) FILTER (WHERE from_last = 1) AS tier,
    max(event_type) FILTER (WHERE event_type IN ('enrol', 'leave') AND change_from_last = 1) AS last_change,
    max(occurred_at) FILTER (WHERE event_type IN ('enrol', 'leave') AND change_from_last = 1) AS changed_at,
    max(occurred_at) FILTER (WHERE event_type = 'enrol') AS enrolled_at,
    max(begins_at) AS begins_at,
    count(*) FILTER (WHERE event_type = 'earning' AND occurred_at >= begins_at) AS earnings,
    count(*) FILTER (WHERE event_type = 'redemption' AND occurred_at >= begins_at) AS redemptions
  FROM told
  GROUP BY month, member_id
),

contacts AS (
  SELECT
    CAST(date_trunc('month', timezone('Europe/Berlin', opened_at)) AS DATE) AS month,
    customer_id,
    opened_at
  FROM silver.interactions
  WHERE type = 'loyalty' AND customer_id IS NOT NULL
),

counted AS (
  SELECT
    s.month,
    s.member_id,
    s.tier,
    s.last_change,
    s.changed_at,
    s.begins_at,
    s.earnings,
    s.redemptions,
    count(c.opened_at) AS contacts
  FROM standing AS s
  LEFT JOIN contacts AS c
    ON
      c.month = s.month AND c.customer_id = s.customer_id
      AND c.opened_at >= s.enrolled_at AND (s.last_change = 'enrol' OR c.opened_at < s.changed_at)
  GROUP BY ALL
)

SELECT
  month,
  tier,
  member_id,
  last_change = 'enrol' AS is_member,
  last_change = 'enrol' AND changed_at >= begins_at AS has_joined,
  earnings,
  redemptions,
  contacts,
  earnings + redemptions + contacts > 0 AS is_active
FROM counted
WHERE last_change = 'enrol' OR changed_at >= begins_at
