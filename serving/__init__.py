"""Serving: the BentoML service and the page pipeline `sources -> hydrate -> filter -> score -> select -> log`."""
