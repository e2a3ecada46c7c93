# The service and the index shards:
# docker build --file deploy/images/serving.Dockerfile --tag homefeed/serving:0.1.0 .
FROM python:3.11-slim-bookworm AS build
WORKDIR /opt/homefeed/src
COPY requirements.txt deploy/images/serving.txt ./
RUN pip install --no-cache-dir "$(grep -oE '^uv==[0-9.]+' requirements.txt)" \
 && python -m venv /opt/homefeed/venv \
 && uv pip sync --no-cache --python /opt/homefeed/venv/bin/python --require-hashes serving.txt
COPY pyproject.toml README.md ./
COPY homefeed homefeed
COPY feature_repo feature_repo
COPY models models
COPY serving serving
RUN uv pip install --no-cache --python /opt/homefeed/venv/bin/python --no-deps --editable .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --gid 0 --home-dir /tmp --no-create-home homefeed
COPY --from=build /opt/homefeed /opt/homefeed
ENV PATH=/opt/homefeed/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 10001:0
WORKDIR /tmp
ENTRYPOINT ["python"]
CMD ["-m", "serving"]
