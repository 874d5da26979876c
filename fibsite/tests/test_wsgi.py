import io

import pytest

from fibsite.wsgi import application

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("kind", ["application/json; charset=base64", "application/json; charset*=bogus''x", "; ="])
def test_a_content_type_that_is_nonsense_gets_an_answer(kind):
    answered = []
    body = b'{"index": "abc"}'
    environment = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/api/values", "QUERY_STRING": "x=1", "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
    }  # fmt: skip
    application(environment, lambda status, headers: answered.append(status)).close()
    assert answered == ["400 Bad Request"]
