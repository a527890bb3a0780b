# The service of xrdkna. Build: docker build -t xrdkna .   Run: docker compose up (see compose.yaml)
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY xrdkna xrdkna
COPY reference_phases reference_phases
RUN python -m venv /opt/xrdkna && /opt/xrdkna/bin/pip install --no-cache-dir '.[postgresql]'

FROM python:3.13-slim
# pg_dump and pg_restore, for `xrdkna store backup` of a PostgreSQL store: the version of the base image's release, whichever that is.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home xrdkna && install -d -o xrdkna -g xrdkna -m 0700 /data
COPY --from=build /opt/xrdkna /opt/xrdkna
# The numerical code is compiled at its first use; compiled here, no container waits for it.
ENV PATH=/opt/xrdkna/bin:$PATH NUMBA_CACHE_DIR=/opt/xrdkna/compiled MPLCONFIGDIR=/tmp
COPY samples/contaminated.xy /tmp/contaminated.xy
RUN xrdkna index /tmp/contaminated.xy --radiation CuKa --quiet && rm /tmp/contaminated.xy
USER 10001
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
# SIGTERM ends it in order: requests are answered, and work in hand is given back to the queue.
STOPSIGNAL SIGTERM
ENTRYPOINT ["xrdkna"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
