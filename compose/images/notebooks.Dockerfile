# JupyterLab over the platform's own environment: pandas, pyarrow, Flight and the examples.
ARG BASE=lakelet/platform:0.1.0
FROM ${BASE}

USER 0
WORKDIR /opt/lakelet
COPY requirements/notebooks.txt requirements/
RUN uv pip install --no-cache --no-deps --require-hashes -r requirements/notebooks.txt \
 && mkdir -m 700 /home/lakelet/notebooks \
 && chown lakelet:lakelet /home/lakelet/notebooks
COPY docs/examples /opt/lakelet/docs/examples
USER 10001
WORKDIR /home/lakelet/notebooks
CMD ["jupyter", "lab"]
