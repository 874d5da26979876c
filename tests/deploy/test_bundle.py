"""What is in the bundle, and what is refused."""

import json
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

from conftest import ROOT
from tests.deploy.conftest import IMAGES, make_bundle

APP_IMAGE = IMAGES["APP_IMAGE"]


def test_the_bundle_has_these_files_and_no_other(bundle):
    with zipfile.ZipFile(bundle) as opened:
        # The clock is not in it.
        assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in opened.infolist()}
    hooks = {path.relative_to(ROOT).as_posix(): 0o755 for path in (ROOT / ".platform").rglob("*.sh")}
    options = {path.relative_to(ROOT).as_posix(): 0o644 for path in (ROOT / ".ebextensions").iterdir()}
    assert len(hooks) >= 4
    assert modes == {"docker-compose.yml": 0o644} | options | hooks


def test_the_compose_file_in_it_is_the_projects_with_the_images_filled_in(bundle):
    with zipfile.ZipFile(bundle) as opened:
        text = opened.read("docker-compose.yml").decode()
    assert "_IMAGE" not in text
    services = yaml.safe_load(text)["services"]
    assert {service["image"] for service in services.values()} == set(IMAGES.values())
    project = yaml.safe_load((ROOT / "deploy/docker-compose.yml").read_text())["services"]
    for services_of in (services, project):
        for service in services_of.values():
            del service["image"]
    assert services == project


def test_the_same_files_give_the_same_bytes_anywhere(images_file, bundle, tmp_path):
    copy = tmp_path / "copy"
    for name in ("deploy", ".ebextensions", ".platform"):
        shutil.copytree(ROOT / name, copy / name)  # with other times
    (copy / ".env").write_text("SECRET_KEY=secret\n")
    (copy / ".platform" / "hooks" / "prebuild").touch()
    output = tmp_path / "bundle.zip"
    command = [sys.executable, copy / "deploy/bundle.py", "--images", images_file, "--output", output]
    subprocess.run(command, check=True, capture_output=True)
    assert output.read_bytes() == bundle.read_bytes()


def test_dockerrun_is_rendered_from_the_compose_file():
    done = subprocess.run([sys.executable, ROOT / "deploy/dockerrun.py"], capture_output=True, text=True, check=True)
    assert done.stdout == (ROOT / "deploy/Dockerrun.aws.json").read_text(), (
        "render it anew: deploy/dockerrun.py >deploy/Dockerrun.aws.json"
    )


def test_the_bundle_for_ecs_has_the_same_containers(images_file, tmp_path):
    output = tmp_path / "ecs.zip"
    make_bundle("--images", images_file, "--output", output, "--ecs", check=True)
    with zipfile.ZipFile(output) as opened:
        assert "docker-compose.yml" not in opened.namelist()
        document = json.loads(opened.read("Dockerrun.aws.json"))
    assert document["AWSEBDockerrunVersion"] == 2
    containers = {container["name"]: container for container in document["containerDefinitions"]}
    assert containers.keys() == {"nginx", "frontend", "web", "worker", "migrate"}
    assert {container["image"] for container in containers.values()} == set(IMAGES.values())
    assert [name for name, container in containers.items() if not container["essential"]] == ["migrate"]
    assert all(container["readonlyRootFilesystem"] for container in containers.values())
    assert containers["web"]["dependsOn"] == [{"containerName": "migrate", "condition": "SUCCESS"}]
    assert containers["nginx"]["portMappings"] == [{"hostPort": 80, "containerPort": 80}]
    paths = yaml.safe_load((ROOT / ".ebextensions/40-host-paths.config").read_text())["option_settings"]
    properties = paths["aws:elasticbeanstalk:application:environment"]
    volumes = {volume["name"]: volume["host"]["sourcePath"] for volume in document["volumes"]}
    assert volumes == {"certificates": properties["CERTIFICATES"], "healthd-folder": properties["HEALTHD_FOLDER"]}
    assert sum(container["memory"] for container in containers.values()) < 1_900


def changed(bundle, path, change):
    """Copy a bundle with `change` applied to its dictionary of name: (content, mode)."""
    with zipfile.ZipFile(bundle) as opened:
        files = {entry.filename: (opened.read(entry), entry.external_attr >> 16) for entry in opened.infolist()}
    change(files)
    with zipfile.ZipFile(path, "w") as made:
        for name, (content, mode) in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            made.writestr(entry, content)
    return path


READY = ".platform/hooks/postdeploy/10-ready.sh"
OPTIONS = ".ebextensions/30-deployment.config"


def compose(old, new):
    def change(files):
        content, mode = files["docker-compose.yml"]
        assert old.encode() in content
        files["docker-compose.yml"] = (content.replace(old.encode(), new.encode()), mode)

    return change


def put(name, content=b"", mode=0o644):
    return lambda files: files.update({name: (content, mode)})


REFUSED = {
    ".env": (put(".env"), ".env does not belong in it"),
    "compose.yaml": (put("compose.yaml"), "compose.yaml does not belong in it"),
    "code": (put("manage.py"), "manage.py does not belong in it"),
    "nginx of Beanstalk": (put(".platform/nginx/nginx.conf"), ".platform/nginx/nginx.conf does not belong in it"),
    "path upwards": (put("../docker-compose.yml"), "../docker-compose.yml does not belong in it"),
    "parent folder": (
        lambda files: files.update(
            {f"fibsite/{name}": files.pop(name) for name in list(files)},
        ),
        "it needs one of docker-compose.yml and Dockerrun.aws.json, at its root",
    ),
    "both kinds": (put("Dockerrun.aws.json", b'{"AWSEBDockerrunVersion": 2}'), "it needs one of"),
    "tag": (compose(APP_IMAGE, "example/fibsite-app:latest"), "names web's image without its digest"),
    "build": (compose(f"image: {APP_IMAGE}", f"image: {APP_IMAGE}\n  build: ."), "builds web"),
    "port": (compose("${HTTP_PORT:-80}:80", "8000:8000"), "publishes no port 80"),
    "no YAML": (compose("services:", "services: ["), "docker-compose.yml is not valid"),
    "options": (put(OPTIONS, b"options: {}"), "has keys that Beanstalk does not know: options"),
    "empty options": (put(OPTIONS, b""), "is not a mapping"),
    "hook's mode": (put(READY, b"#!/bin/bash\n"), f"{READY} is not executable"),
    "hook's first line": (put(READY, b"exit 0\n", 0o755), "does not begin with #!"),
    "hook's line ends": (put(READY, b"#!/bin/bash\r\n", 0o755), "has Windows line ends"),
}


@pytest.mark.parametrize(("change", "said"), REFUSED.values(), ids=REFUSED)
def test_what_beanstalk_would_refuse_is_refused(bundle, tmp_path, change, said):
    done = make_bundle("--check", changed(bundle, tmp_path / "changed.zip", change))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bundle_too_large_is_refused(bundle, tmp_path):
    path = changed(bundle, tmp_path / "large.zip", lambda _: None)
    content = path.read_bytes()
    # In front of a zip anything may stand; this takes no room on the disk.
    with path.open("wb") as file:
        file.truncate(501 * 1024 * 1024)
        file.seek(0, 2)
        file.write(content)
    done = make_bundle("--check", path)
    assert done.returncode == 1
    assert "and Beanstalk takes 524,288,000" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read as JSON"),
        ("no JSON", "cannot be read as JSON"),
        ('{"APP_IMAGE": "example/app:latest"}', "APP_IMAGE is example/app:latest, which is no image by digest"),
        (json.dumps({"APP_IMAGE": APP_IMAGE}), "no image for FRONTEND_IMAGE, NGINX_IMAGE"),
    ],
)
def test_images_that_are_not_there_are_named(tmp_path, content, said):
    path = tmp_path / "images.json"
    if content:
        path.write_text(content)
    done = make_bundle("--images", path, "--output", tmp_path / "bundle.zip")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
