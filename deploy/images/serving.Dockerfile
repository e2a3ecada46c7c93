# The service and the index shards: make images
FROM python:3.11-slim-bookworm AS build
WORKDIR /opt/homefeed/src
COPY requirements.txt deploy/images/serving.txt /tmp/
# Compiled here: a pod's root cannot be written. TensorFlow's headers are for building against it.
RUN python -m pip install --no-cache-dir "$(grep -oE '^uv==[0-9.]+' /tmp/requirements.txt)" \
 && python -m venv --without-pip /opt/homefeed/venv \
 && uv pip sync --no-cache --compile-bytecode --python /opt/homefeed/venv/bin/python --require-hashes /tmp/serving.txt \
 && rm -r /opt/homefeed/venv/lib/python3.11/site-packages/tensorflow/include
COPY pyproject.toml README.md ./
COPY homefeed homefeed
COPY feature_repo feature_repo
COPY models models
COPY serving serving
RUN uv pip install --no-cache --no-build-isolation --python /opt/homefeed/venv/bin/python --no-deps --editable . \
 && python -m compileall -q .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --gid 0 --home-dir /tmp --no-create-home homefeed
COPY --from=build /opt/homefeed /opt/homefeed
ENV PATH=/opt/homefeed/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 10001:0
WORKDIR /tmp
ENTRYPOINT ["python"]
CMD ["-m", "serving"]
