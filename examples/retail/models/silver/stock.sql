/* ---
kind: append
driving: bronze.stock
description: Hourly snapshots, with the moment they reached us, so that late ones can be told.
--- */
SELECT
  store_id,
  product_id,
  snapshot_at,
  on_hand,
  safety_stock,
  restocked_qty,
  ranged,
  _received_at AS received_at
FROM bronze.stock
