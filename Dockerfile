# The program in a container: `docker build -t git-assistant .`, or compose.yaml.
# With `--target with-pages` the image also has the stylesheet of the pages, which `demo` serves.

FROM python:3.11-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.txt ./
RUN /opt/venv/bin/python -m pip install -r requirements.txt

FROM packages AS stylesheet
WORKDIR /app
COPY requirements-web.txt ./
RUN /opt/venv/bin/python -m pip install -r requirements-web.txt
COPY src src
RUN mkdir -p build/web \
    && /opt/venv/bin/tailwindcss --input src/web/styles/app.css --output build/web/app.css --minify

FROM python:3.11-slim-bookworm AS program
RUN groupadd --system --gid 10001 git-assistant \
    && useradd --system --uid 10001 --gid 10001 --home-dir /app --shell /usr/sbin/nologin git-assistant \
    && install -d -m 0700 -o 10001 -g 10001 /app/data
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY LICENSE main.py ./
COPY src src
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
USER 10001:10001
VOLUME /app/data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Only the role webhook listens: a container without it is started with --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=3); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "main.py"]
CMD ["run"]

FROM program AS with-pages
COPY --from=stylesheet /app/build/web/app.css build/web/app.css

# What is built when no target is named.
FROM program
