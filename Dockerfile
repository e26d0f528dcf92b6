FROM python:3.12-slim AS builder

# Compilers, for machines that a dependency has no wheel for. Versions are the base image's: pinned
# ones vanish from the mirrors with the next security update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libffi-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
RUN python -m venv /app/.venv
COPY requirements.txt ./
RUN /app/.venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

COPY manage.py ./
COPY project project
COPY files files
# Bytecode is made here, since the running container may not write. Commands that sign nothing need
# no secret key. All of it is readable for appuser, whatever the modes of the checkout.
RUN FILES_STATIC_ROOT=/app/static /app/.venv/bin/python manage.py collectstatic --noinput \
    && /app/.venv/bin/python -m compileall -q files project manage.py \
    && chmod -R a+rX files project static manage.py


FROM python:3.12-slim

# The uid of nginx in nginx:alpine, which so reads what this user writes with mode 0640.
RUN groupadd --system --gid 101 appuser \
    && useradd --system --uid 101 --gid 101 --home-dir /app --no-create-home \
        --shell /usr/sbin/nologin appuser

WORKDIR /app
COPY --from=builder /app /app
RUN install -d -o appuser -g appuser -m 0750 \
        /app/data /app/data/uploads /app/data/logs /app/data/db

ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FILES_DATA_DIR=/app/data \
    FILES_DB_DIR=/app/data/db \
    FILES_STATIC_ROOT=/app/static

# By name, as docker-compose.yml and the documentation speak of it.
# hadolint ignore=DL3066
USER appuser
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8000/healthz', timeout=4)"]

# Migrations run, under a lock, before anything is served.
CMD ["sh", "-c", "python manage.py prepare && exec gunicorn -c project/gunicorn.py -b 0.0.0.0:8000 project.asgi:application"]
