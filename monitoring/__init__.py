"""Monitoring: drift, calibration and quality of what is live, and the gates that a release passes on its way there."""
