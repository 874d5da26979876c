#!/bin/bash
# Fetches the certificates of RDS's authorities, with which Postgres proves who it is; they are in no system's own list.
# The containers get them as /certificates.pem.
set -euo pipefail
: "${CERTIFICATES:=/etc/fibsite/certificates.pem}"
: "${CERTIFICATES_URL:=https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem}"

mkdir -p "$(dirname "$CERTIFICATES")"
if curl --fail --silent --show-error --location --retry 5 --max-time 60 --output "$CERTIFICATES.new" "$CERTIFICATES_URL" &&
  grep -q 'BEGIN CERTIFICATE' "$CERTIFICATES.new"; then
  chmod 0644 "$CERTIFICATES.new"
  mv "$CERTIFICATES.new" "$CERTIFICATES"
elif [[ -s $CERTIFICATES ]]; then
  echo "keeping the certificates of an earlier deployment: $CERTIFICATES_URL gave no new ones" >&2
else
  echo "no certificates for Postgres: $CERTIFICATES_URL gave none" >&2
  exit 1
fi
