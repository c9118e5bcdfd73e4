# The vendor's Superset with what Lakelet needs of drivers and configuration.
ARG BASE=apache/superset:6.1.0
# hadolint ignore=DL3006
FROM ${BASE}

USER root
# --no-deps: the driver declares SQLAlchemy 2, works on Superset's 1.4, and needs nothing more.
# flask-sqlalchemy and the rest stay as the image has them.
RUN uv pip install --python /app/.venv/bin/python --no-cache psycopg2-binary==2.9.13 redis==5.3.1 \
 && uv pip install --python /app/.venv/bin/python --no-cache --no-deps sqlalchemy-dremio==3.0.5

COPY services /app/lakelet/services
COPY compose/presentation/superset_config.py compose/presentation/start /app/lakelet/
ENV PYTHONPATH=/app/lakelet SUPERSET_CONFIG_PATH=/app/lakelet/superset_config.py
USER superset
ENTRYPOINT ["/app/lakelet/start"]
CMD ["web"]
