"""Scheduling: triggers of the project carried out; who runs it (`entrepot up`) calls `Scheduler.tick` or `Scheduler.serve`."""
