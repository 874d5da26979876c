#!/usr/bin/env python3
"""
Build the three images, push them, and write their digests.

    push.py --prefix NAME/fibsite --tag 1a2b3c --output images.json

NAME is an account of Docker Hub, or a registry and what it wants in front: registry.example.org/team/fibsite gives
registry.example.org/team/fibsite-app and so on. `docker login` comes before.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ("app", "frontend", "nginx")


class PushError(Exception):
    """An image was not built or not pushed; the message says why."""


def docker(*command: str, capture: bool = False) -> str:
    """Run a docker command, its output shown unless `capture` wants it; PushError when it fails."""
    try:
        done = subprocess.run(
            ["docker", *command], cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE if capture else None
        )
    except OSError as error:
        raise PushError(f"docker cannot be run: {error}; install Docker with its plugin buildx") from error
    if done.returncode:
        raise PushError(f"docker {' '.join(command[:3])} … failed with status {done.returncode}, see above")
    return (done.stdout or "").strip()


def push(target: str, image: str, options: argparse.Namespace) -> str:
    """Build and push one target of the Dockerfile, and return its name by digest, which never means another image."""
    command = ["buildx", "build", "--file", "docker/Dockerfile", "--target", target, "--tag", image, "--push"]
    # By this a host knows the images that it may remove when another release runs. The same for all releases, so that
    # an image in which nothing changed stays the same, and its container is left alone.
    command += ["--label", "org.fibsite.image=release"]
    if options.platforms:
        command += ["--platform", options.platforms]
    if options.attest:
        command += ["--sbom=true", "--provenance=mode=max"]
    docker(*command, ".")
    manifest = json.loads(
        docker("buildx", "imagetools", "inspect", image, "--format", "{{json .Manifest}}", capture=True)
    )
    return f"{image.rpartition(':')[0]}@{manifest['digest']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", required=True, help="such as NAME/fibsite")
    parser.add_argument("--tag", required=True, help="such as the commit")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file for deploy/bundle.py")
    parser.add_argument("--platforms", help="such as linux/amd64,linux/arm64; this machine's by default")
    parser.add_argument("--attest", action="store_true", help="add an SBOM and the provenance to each image")
    options = parser.parse_args()
    try:
        images = {
            f"{target.upper()}_IMAGE": push(target, f"{options.prefix}-{target}:{options.tag}", options)
            for target in TARGETS
        }
    except PushError as error:
        sys.exit(f"push: {error}")
    options.output.write_text(json.dumps(images, indent=2) + "\n")
    print(options.output.read_text(), end="")


if __name__ == "__main__":
    main()
