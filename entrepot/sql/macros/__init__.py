"""Ready transforms: functions in FROM, written out as plain SQL before anything else looks at a model's text."""
