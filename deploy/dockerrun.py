#!/usr/bin/env python3
"""
Render Dockerrun.aws.json, version 2, for the ECS platform branch of Elastic Beanstalk, from deploy/docker-compose.yml.

`dockerrun.py` prints it with example images: deploy/Dockerrun.aws.json is its output. `bundle.py --ecs` fills in real
ones.

There the containers do not share a DNS, which the routing nginx asks: web and frontend publish their ports on the
instance, where the security group lets nobody in, and nginx finds them at the engine's own address. Beanstalk hands all
environment properties to every container itself, so only what the compose file fixes is written down.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

VERSION = 2
# The address of the instance as seen from any of its containers.
INSTANCE = "172.17.0.1"
INNER_PORTS = {"web": 5000, "frontend": 3000}
# The folders and files of the host that containers mount, as .ebextensions/40-host-paths.config names them.
HOST_PATHS = {"CERTIFICATES": "/etc/fibsite/certificates.pem", "HEALTHD_FOLDER": "/var/log/nginx/healthd"}
CONDITIONS = {"service_healthy": "HEALTHY", "service_completed_successfully": "SUCCESS"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::-([^}]*))?[^}]*\}")


def rendered(compose: dict[str, Any]) -> str:
    """Return the JSON text for a compose file's content; a ${NAME:-default} in it stands for its default."""
    services = {name: service for name, service in compose["services"].items() if "profiles" not in service}
    document = {
        "AWSEBDockerrunVersion": VERSION,
        "volumes": [{"name": volume(name), "host": {"sourcePath": path}} for name, path in HOST_PATHS.items()],
        "containerDefinitions": [container(name, service) for name, service in services.items()],
    }
    return json.dumps(document, indent=2) + "\n"


def container(name: str, service: dict[str, Any]) -> dict[str, Any]:
    """Return a service as a container definition of ECS."""
    fixed = {key: default(value) for key, value in (service.get("environment") or {}).items() if default(value)}
    addresses = {f"{inner.upper()}_ADDRESS": f"{INSTANCE}:{port}" for inner, port in INNER_PORTS.items()}
    # nginx finds both by them; other services have those that the compose file gives them.
    fixed |= {key: address for key, address in addresses.items() if name == "nginx" or key in fixed}
    found: dict[str, Any] = {
        "name": name,
        "image": service["image"],
        "essential": service.get("restart") != "no",
        "memory": megabytes(default(service["mem_limit"])),
        "readonlyRootFilesystem": service.get("read_only", False),
        "environment": [{"name": key, "value": value} for key, value in fixed.items()],
        "linuxParameters": {
            "capabilities": {"drop": service["cap_drop"]},
            "tmpfs": [tmpfs(line) for line in service.get("tmpfs", [])],
        },
        "dockerSecurityOptions": service["security_opt"],
    }
    if "volumes" in service:
        found["mountPoints"] = [mount_point(line) for line in service["volumes"]]
    if "command" in service:
        found["command"] = [default(part) for part in service["command"]]
    if "stop_grace_period" in service:
        # ECS allows no more than two minutes.
        found["stopTimeout"] = min(120, seconds(service["stop_grace_period"]))
    if "healthcheck" in service:
        found["healthCheck"] = health_check(service["healthcheck"])
    if "depends_on" in service:
        found["dependsOn"] = [
            {"containerName": other, "condition": CONDITIONS[waits["condition"]]}
            for other, waits in service["depends_on"].items()
        ]
    ports = [tuple(map(int, default(port).split(":"))) for port in service.get("ports", [])]
    if name in INNER_PORTS:
        ports.append((INNER_PORTS[name], INNER_PORTS[name]))
    if ports:
        found["portMappings"] = [{"hostPort": host, "containerPort": inner} for host, inner in ports]
    return found


def default(value: Any) -> str:
    """Return a value of the compose file with every variable replaced by its default."""
    return VARIABLE.sub(lambda variable: variable[2] or "", "" if value is None else str(value))


def volume(variable: str) -> str:
    return variable.lower().replace("_", "-")


def mount_point(line: str) -> dict[str, Any]:
    variable = VARIABLE.match(line)
    if variable is None:
        raise ValueError(f"{line} mounts something that no variable names")
    path, _, mode = line[variable.end() + 1 :].partition(":")
    return {"sourceVolume": volume(variable[1]), "containerPath": path, "readOnly": mode == "ro"}


def megabytes(limit: str) -> int:
    return int(limit.removesuffix("m"))


def seconds(duration: str) -> int:
    # ECS counts in whole seconds, 2 at least where it waits between checks.
    return max(2, round(float(duration.removesuffix("s"))))


def tmpfs(line: str) -> dict[str, Any]:
    path, _, options = line.partition(":")
    size, *rest = options.split(",")
    return {"containerPath": path, "size": megabytes(size.removeprefix("size=")), "mountOptions": rest}


def health_check(check: dict[str, Any]) -> dict[str, Any]:
    # ECS asks no sooner than every 5 s, so that a start takes a little longer there.
    return {
        "command": check["test"],
        "interval": max(5, seconds(check["interval"])),
        "timeout": seconds(check["timeout"]),
        "startPeriod": seconds(check["start_period"]),
        "retries": 3,
    }


def main() -> None:
    text = (Path(__file__).parent / "docker-compose.yml").read_text()
    example = VARIABLE.sub(
        lambda variable: (
            f"example/fibsite-{variable[1].removesuffix('_IMAGE').lower()}:latest"
            if variable[1].endswith("_IMAGE")
            else variable[0]
        ),
        text,
    )
    print(rendered(yaml.safe_load(example)), end="")


if __name__ == "__main__":
    main()
