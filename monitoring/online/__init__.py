"""Online metrics: what viewers did with the pages of each release and of each arm, window by window."""
