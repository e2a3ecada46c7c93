"""From what viewers' devices send to the lake: the durable event log, the landing folder, ingestion by window."""
