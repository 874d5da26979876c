import re

import pytest

from calculator.models import SeenIndex
from frontend.tests.reading import field, words

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "abc",
        "10abc",
        "3.5",
        "-1",
        "1e-3",
        "0x28",
        "1,00",
        "10^",
        "٣",
        "²",
        "7\x00",
        "\x00",
        "9" * 31,
        "9" * 9_999,
    ],
)
def test_what_is_not_an_index_is_answered_beside_the_field_and_not_kept(client, queued, typed):
    response = client.post("/", {"index": typed})
    assert response.status_code == 400
    assert response.context["form"]["index"].value() == typed
    assert f'value="{typed}"' in field(response) or not typed
    (message,) = response.context["form"].errors["index"]
    assert re.search(f'<p class="error"\\s+id="id_index_error">{re.escape(message)}</p>', response.content.decode())
    assert 'aria-invalid="true"' in field(response)
    assert 'aria-describedby="id_index_helptext id_index_error"' in field(response)
    assert response.content.decode().count("<title>Error: ") == 1
    assert not SeenIndex.objects.exists()
    assert queued("quick") == queued("heavy") == 0


def test_a_form_without_the_field_is_answered_beside_it(client):
    response = client.post("/", {})
    assert response.status_code == 400
    assert "The index is missing" in words(response)


@pytest.mark.parametrize("typed", ["100000001", "999999999999999999999999999999"])
def test_too_high_an_index_says_what_it_would_need_and_is_not_kept(client, queued, typed):
    response = client.post("/", {"index": typed})
    assert response.status_code == 422
    assert re.search(
        r"Index too high: the limit is 100,000,000\. F\([\d,]+\) has [\d,]+ digits and would need [\d.]+ [MR]B of memory\.",
        words(response),
    )
    assert f'value="{typed}"' in field(response)
    assert not SeenIndex.objects.exists()
    assert queued("heavy") == 0


def test_markup_that_was_typed_is_shown_and_not_run(client):
    content = client.post("/", {"index": "<script>alert(1)</script>"}).content.decode()
    assert "<script>" not in content
    assert 'value="&lt;script&gt;alert(1)&lt;/script&gt;"' in content
    assert "“&lt;script&gt;alert(1)&lt;/script&gt;” is not a whole number" in content


def test_a_wrong_index_leaves_the_lists_readable(client, stored):
    stored(7)
    assert "For index 7 I calculated 13" in words(client.post("/", {"index": "abc"}))
