"""From records as received to rows of the agreed format, outside of the request: who runs the handler, in which order, and what becomes of errors."""
