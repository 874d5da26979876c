#!/usr/bin/env python3
"""
Make the bundle that Elastic Beanstalk takes, or check one: `bundle.py --images images.json --output fibsite.zip`.

It holds docker-compose.yml with every image by its digest, .ebextensions/ and .platform/, and nothing else; with
--ecs, Dockerrun.aws.json instead of docker-compose.yml, for the ECS platform branch. The same files always give the
same bytes.
"""

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import dockerrun

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "deploy" / "docker-compose.yml"
MOST_BYTES = 500 * 1024 * 1024
# What may be in a bundle.
ALLOWED = re.compile(
    r"docker-compose\.yml|Dockerrun\.aws\.json"
    r"|\.ebextensions/[0-9]{2}-[a-z0-9-]+\.config"
    r"|\.platform/(hooks|confighooks)/(prebuild|predeploy|postdeploy)/[0-9]{2}-[a-z0-9-]+\.sh"
)
IMAGE_VARIABLE = re.compile(r"\$\{([A-Z]+_IMAGE)[^}]*\}")
BY_DIGEST = re.compile(r"[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}")
CONFIG_KEYS = {
    "option_settings", "Resources", "packages", "sources", "files", "users", "groups", "commands", "container_commands",
    "services",
}  # fmt: skip
EXECUTABLE = 0o111


class BundleError(Exception):
    """Beanstalk would refuse this bundle, or run something that was not meant; the message says why."""


def read_images(path: Path) -> dict[str, str]:
    """Return the image of each variable, as deploy/push.py wrote them. BundleError unless each has its digest."""
    try:
        images: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read as JSON: {error}; deploy/push.py writes it") from error
    for name, image in images.items():
        if not BY_DIGEST.fullmatch(image):
            raise BundleError(f"{name} is {image}, which is no image by digest (NAME@sha256:…)")
    return images


def with_images(compose: str, images: dict[str, str]) -> str:
    """Return a compose file with its ${…_IMAGE} filled in."""
    missing = {name for name in IMAGE_VARIABLE.findall(compose) if name not in images}
    if missing:
        raise BundleError(f"no image for {', '.join(sorted(missing))}")
    return IMAGE_VARIABLE.sub(lambda found: images[found[1]], compose)


def contents(images: dict[str, str], *, ecs: bool = False) -> Iterator[tuple[str, bytes, int]]:
    """Yield name, bytes and mode of each file of a bundle."""
    compose = with_images(COMPOSE.read_text(), images)
    if ecs:
        yield "Dockerrun.aws.json", dockerrun.rendered(yaml.safe_load(compose)).encode(), 0o644
    else:
        yield "docker-compose.yml", compose.encode(), 0o644
    folders = (ROOT / ".ebextensions", ROOT / ".platform")
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        yield path.relative_to(ROOT).as_posix(), path.read_bytes(), path.stat().st_mode & 0o777


def write(output: Path, files: Iterator[tuple[str, bytes, int]]) -> None:
    """Write a zip whose bytes depend on nothing but the files': neither the clock nor this machine nor its zlib."""
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as bundle:
        for name, content, mode in files:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, so that the mode counts
            entry.external_attr = (0o100000 | (0o755 if mode & EXECUTABLE else 0o644)) << 16
            bundle.writestr(entry, content)


def check(path: Path) -> None:
    """Raise BundleError with everything that is wrong with the bundle at `path`."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as bundle:
            found = [*problems(bundle)]
    except (OSError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path} is no readable zip: {error}") from error
    if size > MOST_BYTES:
        found.append(f"it has {size:,} bytes, and Beanstalk takes {MOST_BYTES:,}")
    if found:
        raise BundleError(f"{path}: " + "; ".join(found))


def problems(bundle: zipfile.ZipFile) -> Iterator[str]:
    entries = {entry.filename: entry for entry in bundle.infolist()}
    if len(entries) != len(bundle.infolist()):
        yield "it has a file twice"
    for name in entries:
        if not ALLOWED.fullmatch(name):
            yield f"{name} does not belong in it"
    described = {"docker-compose.yml", "Dockerrun.aws.json"} & entries.keys()
    if len(described) != 1:
        yield "it needs one of docker-compose.yml and Dockerrun.aws.json, at its root"
    for name, entry in entries.items():
        content = bundle.read(name)
        if name.startswith(".platform/"):
            if not entry.external_attr >> 16 & EXECUTABLE:
                yield f"{name} is not executable"
            if not content.startswith(b"#!") or b"\r" in content:
                yield f"{name} does not begin with #!, or has Windows line ends"
        else:
            try:
                parsed = yaml.safe_load(content)  # JSON is YAML too
            except yaml.YAMLError as error:
                yield f"{name} is not valid: {error}"
                continue
            yield from (f"{name} {problem}" for problem in problems_of(name, parsed))


def problems_of(name: str, parsed: Any) -> Iterator[str]:
    if not isinstance(parsed, dict):
        yield "is not a mapping"
    elif name.endswith(".config"):
        if unknown := parsed.keys() - CONFIG_KEYS:
            yield f"has keys that Beanstalk does not know: {', '.join(sorted(map(str, unknown)))}"
    elif name == "docker-compose.yml":
        yield from problems_of_services(parsed.get("services") or {})
    elif name == "Dockerrun.aws.json":
        if parsed.get("AWSEBDockerrunVersion") != dockerrun.VERSION:
            yield f"is not of version {dockerrun.VERSION}"
        for container in parsed.get("containerDefinitions", []):
            if not BY_DIGEST.fullmatch(container["image"]):
                yield f"names {container['name']}'s image without its digest"


def problems_of_services(services: dict[str, Any]) -> Iterator[str]:
    for service, definition in services.items():
        if "build" in definition:
            yield f"builds {service}, and the bundle has no sources"
        if not BY_DIGEST.fullmatch(definition.get("image", "")):
            yield f"names {service}'s image without its digest"
    if not any(str(port).endswith(":80") for service in services.values() for port in service.get("ports", [])):
        yield "publishes no port 80"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0].strip() if __doc__ else None)
    parser.add_argument("--images", type=Path, help="the JSON file that deploy/push.py wrote")
    parser.add_argument("--output", type=Path, help="the zip to make")
    parser.add_argument("--ecs", action="store_true", help="for the ECS platform branch")
    parser.add_argument("--check", type=Path, metavar="ZIP", help="check this zip instead of making one")
    options = parser.parse_args()
    if not options.check and not (options.images and options.output):
        parser.error("give --images and --output to make a bundle, or --check")
    try:
        if not options.check:
            write(options.output, contents(read_images(options.images), ecs=options.ecs))
        check(options.check or options.output)
    except (BundleError, OSError) as error:
        sys.exit(f"bundle: {error}")
    with zipfile.ZipFile(options.check or options.output) as bundle:
        for entry in bundle.infolist():
            print(f"{entry.external_attr >> 16 & 0o777:o} {entry.file_size:>7,} {entry.filename}")
    print(f"{(options.check or options.output).stat().st_size:>11,} bytes together")


if __name__ == "__main__":
    main()
