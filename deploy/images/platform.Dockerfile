# Airflow with its tasks, and the command line:
# docker build --file deploy/images/platform.Dockerfile --tag homefeed/platform:0.1.0 .
# The base brings the entry point that Airflow's chart calls; Airflow itself is the one of our lock.
FROM apache/airflow:slim-3.3.2-python3.11
USER root
# Spark, for the queries of the cluster profile.
RUN apt-get update && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/homefeed/src
COPY requirements.txt deploy/images/platform.txt ./
RUN pip install --no-cache-dir "$(grep -oE '^uv==[0-9.]+' requirements.txt)" \
 && python -m venv /opt/homefeed/venv \
 && uv pip sync --no-cache --python /opt/homefeed/venv/bin/python --require-hashes platform.txt
COPY pyproject.toml README.md ./
COPY docs docs
COPY homefeed homefeed
COPY feature_repo feature_repo
COPY models models
COPY monitoring monitoring
COPY serving serving
COPY dags dags
RUN uv pip install --no-cache --python /opt/homefeed/venv/bin/python --no-deps --editable .
ENV PATH=/opt/homefeed/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:0
WORKDIR /opt/airflow
