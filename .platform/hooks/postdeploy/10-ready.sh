#!/bin/bash
# Fails the deployment when the new release does not answer with Postgres, the broker and the values behind it: a single
# instance has no load balancer that would ask.
set -euo pipefail
address="http://127.0.0.1:${HTTP_PORT:-80}/readyz"

for _ in {1..30}; do
  if answer=$(curl --silent --show-error --fail --max-time 10 "$address" 2>&1); then
    echo "ready: $answer"
    exit 0
  fi
  sleep 1
done
echo "not ready after 30 tries: ${answer} $(curl --silent --max-time 10 "$address" || true)" >&2
exit 1
