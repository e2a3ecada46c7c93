"""The page Homefeed of the Airflow UI: from registry, lake and reports to HTML, and the orders of its forms."""
