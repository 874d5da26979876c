#!/bin/bash
# Removes the images of earlier releases, which would fill the disk. A rollback pulls its own again.
set -euo pipefail
docker image prune --all --force --filter label=org.fibsite.image=release
