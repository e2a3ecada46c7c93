# Airflow with its tasks, and the command line: make images
# The base brings the entry point that Airflow's chart calls; Airflow itself is the one of our lock.
FROM apache/airflow:slim-3.3.2-python3.11 AS build
USER root
WORKDIR /opt/homefeed/src
COPY requirements.txt deploy/images/platform.txt /tmp/
# `python -m pip`: the base's command `pip` refuses root. The rest is as in serving.Dockerfile.
RUN python -m pip install --no-cache-dir "$(grep -oE '^uv==[0-9.]+' /tmp/requirements.txt)" \
 && python -m venv --without-pip /opt/homefeed/venv \
 && uv pip sync --no-cache --compile-bytecode --python /opt/homefeed/venv/bin/python --require-hashes /tmp/platform.txt \
 && rm -r /opt/homefeed/venv/lib/python3.11/site-packages/tensorflow/include
COPY pyproject.toml README.md ./
COPY docs docs
COPY homefeed homefeed
COPY feature_repo feature_repo
COPY models models
COPY monitoring monitoring
COPY serving serving
COPY dags dags
# What a Bento of the service is built from.
COPY deploy/bentofile.yaml deploy/bentofile.yaml
COPY deploy/images/serving.txt deploy/images/serving.txt
RUN uv pip install --no-cache --no-build-isolation --python /opt/homefeed/venv/bin/python --no-deps --editable . \
 && python -m compileall -q .

FROM apache/airflow:slim-3.3.2-python3.11
USER root
# Spark, for the queries of the cluster profile; Hadoop asks for the name of its user.
RUN apt-get update && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --gid 0 --home-dir /tmp --no-create-home homefeed
COPY --from=build /opt/homefeed /opt/homefeed
ENV PATH=/opt/homefeed/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 10001:0
WORKDIR /opt/airflow
