/* ---
kind: full
description: One row per currency and day on which the ECB stated a rate.
--- */
SELECT quoted.currency, day, quoted.rate
FROM bronze.ecb_rates
CROSS JOIN unnest([{'currency': 'USD', 'rate': USD}, {'currency': 'GBP', 'rate': GBP}]) AS columns(quoted)
WHERE quoted.rate IS NOT NULL
