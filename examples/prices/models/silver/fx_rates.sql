/* ---
kind: full
description: One row per currency and day on which the ECB stated a rate.
--- */
SELECT quoted.currency, day, quoted.rate
FROM bronze.rates
CROSS JOIN unnest([
  {'currency': 'BGN', 'rate': BGN},
  {'currency': 'CHF', 'rate': CHF},
  {'currency': 'GBP', 'rate': GBP},
  {'currency': 'PLN', 'rate': PLN}
]) AS columns(quoted)
WHERE quoted.rate IS NOT NULL
