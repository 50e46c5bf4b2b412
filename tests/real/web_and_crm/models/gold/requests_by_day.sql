/* ---
name: gold.requests_by_day
kind: full
--- */
SELECT CAST(time AT TIME ZONE 'UTC' AS DATE) AS day, status, count(*) AS requests, sum(bytes) AS bytes, count(bytes) AS sized
FROM bronze.requests
GROUP BY ALL
