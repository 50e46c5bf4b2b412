/* ---
kind: view
description: Stores with the names of their regions.
--- */
SELECT
  s.store_id,
  s.name AS store,
  s.city,
  coalesce(r.name, '(unknown)') AS region
FROM bronze.stores AS s
LEFT JOIN bronze.regions AS r ON r.region_id = s.region_id
