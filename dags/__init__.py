"""Airflow wiring, one DAG per file: each task names a window, calls one function of a lower layer and hands on a
reference."""
