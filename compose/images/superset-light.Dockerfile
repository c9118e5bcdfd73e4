# Superset from its wheels, with the same configuration and start script as on the vendor's image.
FROM python:3.11-slim

# The folder first, in platform.Dockerfile the variables: of two equal first layers an engine without
# BuildKit may follow the other image's, find nothing after it, and build all anew.
WORKDIR /app/lakelet
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# Compiled here, because Superset may write nothing beside its code: it would be compiled anew at
# every start.
COPY requirements/uv.txt requirements/superset.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/uv.txt \
 && uv venv --no-cache /app/.venv \
 && uv pip install --python /app/.venv/bin/python --no-cache --compile-bytecode --no-deps --require-hashes \
      -r requirements/superset.txt \
 && useradd --uid 10001 --user-group --create-home superset \
 && mkdir -m 700 /app/superset_home /app/logs \
 && chown superset:superset /app/superset_home /app/logs

COPY services /app/lakelet/services
COPY compose/presentation/superset_config.py compose/presentation/start /app/lakelet/
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONPATH=/app/lakelet \
    SUPERSET_HOME=/app/superset_home \
    SUPERSET_CONFIG_PATH=/app/lakelet/superset_config.py
USER 10001
ENTRYPOINT ["/app/lakelet/start"]
CMD ["web"]
