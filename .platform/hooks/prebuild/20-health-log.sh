#!/bin/bash
# Makes the folder of the log that Beanstalk's health agent reads; the routing nginx writes it as its own user, 101.
set -euo pipefail
: "${HEALTHD_FOLDER:=/var/log/nginx/healthd}"

mkdir -p "$HEALTHD_FOLDER"
chown 101:101 "$HEALTHD_FOLDER"
# One file an hour; the agent reads the newest.
find "$HEALTHD_FOLDER" -name 'application.log.*' -mtime +1 -delete
