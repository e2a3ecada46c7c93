"""What `homefeed run` is made of: checks before the start, the processes, Airflow's REST API, the way to the first
release."""
