"""Exposures, windowed aggregates and viewer state as Ibis expressions over the lake; Feast reads them from there."""
