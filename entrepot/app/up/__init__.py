"""`entrepot up`: the gateway, the API, processing, micro-batches, delivery and schedule, in one process or split over several."""
