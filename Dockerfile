FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /app botbalance && mkdir /data && chown botbalance /data

COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY . .
# Collecting static files needs settings that start, not secrets that count.
RUN SECRET_KEY=build-only-0123456789-abcdefghijklmnopqrstuvwxyz \
    FERNET_KEYS=YnVpbGQtb25seS1idWlsZC1vbmx5LWJ1aWxkLW9ubHk= \
    python manage.py collectstatic --noinput

ENV DATA_DIR=/data
VOLUME /data
USER botbalance
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "botbalance.wsgi:application"]
