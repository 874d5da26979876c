import re

import pytest

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("index", [0, 1_000, 1_000_000])
def test_a_download_is_what_the_command_prints(page, site, tmp_path, index):
    site.ask(index)
    page.goto(f"/values/{index}")
    with page.expect_download() as download:
        page.get_by_role("main").get_by_role("link", name=re.compile("download", re.IGNORECASE)).first.click()
    assert download.value.suggested_filename == f"fibonacci-{index}.txt"
    download.value.save_as(tmp_path / "digits")
    assert (tmp_path / "digits").read_text().strip() == site.manage("fibonacci", str(index)).strip()
