# The service in one image: HTTP, engine and workers. Build: docker build -t hifitune .
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/hifitune
WORKDIR /source
COPY constraints.txt ./
# torch first, in its CPU build and its own layer: it is most of the image and changes seldom.
RUN /opt/hifitune/bin/pip install -c constraints.txt \
    --extra-index-url https://download.pytorch.org/whl/cpu setuptools torch
COPY pyproject.toml README.md LICENSE ./
COPY alembic ./alembic
COPY service ./service
COPY trainers ./trainers
COPY dashboards ./dashboards
# Figures as PNG and SVG want a browser: docker build --build-arg PICTURES=1
ARG PICTURES=
RUN /opt/hifitune/bin/pip install -c constraints.txt --no-build-isolation ".${PICTURES:+[images]}"

FROM python:3.11-slim
ARG PICTURES=
RUN if [ -n "$PICTURES" ]; then apt-get update && apt-get install -y --no-install-recommends \
    chromium fonts-dejavu-core && rm -rf /var/lib/apt/lists/*; fi
COPY --from=build /opt/hifitune /opt/hifitune
RUN useradd --system --uid 10321 --home-dir /var/lib/hifitune --create-home hifitune
USER hifitune
WORKDIR /var/lib/hifitune
ENV PATH=/opt/hifitune/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HIFITUNE_DATA_DIR=/var/lib/hifitune \
    HIFITUNE_PORT=8321
VOLUME /var/lib/hifitune
# No EXPOSE: until there are access tokens it listens on loopback only (see docker-compose.yml).
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"HIFITUNE_PORT\"]}/readyz', timeout=4)"]
ENTRYPOINT ["hifitune"]
CMD ["serve"]
