import pytest
from django.urls import reverse
from redis import Redis
from redis.client import Pipeline

from calculator import values
from calculator.models import SeenIndex

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/calculator/seenindex/"


@pytest.fixture
def seen():
    return [SeenIndex.objects.record(number) for number in (7, 50, 1000)]


def test_the_list_shows_each_index_with_its_state_and_value(admin_client, seen, alive):
    values.store(7, b"13", 1)
    values.start(50, task="task", worker=alive, time_limit=60)
    values.start(1000, task="task", worker=alive, time_limit=60)
    values.fail(1000, "It broke.", task="task")
    page = admin_client.get(LIST).content.decode()
    assert "<code>13</code>" in page
    assert ">running<" in page
    assert "failed: It broke." in page


def test_the_list_asks_redis_once_whatever_its_length(admin_client, alive, monkeypatch):
    for number in range(40):
        SeenIndex.objects.record(number)
        values.store(number, b"13", 1)
    trips = []
    execute, send = Pipeline.execute, Redis.execute_command
    monkeypatch.setattr(Pipeline, "execute", lambda *a, **k: [trips.append("pipeline"), execute(*a, **k)][1])
    monkeypatch.setattr(Redis, "execute_command", lambda *a, **k: [trips.append(a[1]), send(*a, **k)][1])
    assert admin_client.get(LIST).content.count(b"<code>13</code>") == 40
    assert trips == ["pipeline"]


def test_the_list_needs_the_same_queries_for_three_rows_as_for_forty(
    admin_client, django_assert_num_queries, django_assert_max_num_queries
):
    SeenIndex.objects.record(1)
    with django_assert_max_num_queries(8) as few:
        admin_client.get(LIST)
    for number in range(40):
        SeenIndex.objects.record(number)
    with django_assert_num_queries(len(few.captured_queries)):
        admin_client.get(LIST)


def test_an_index_is_found_by_its_exact_number(admin_client, seen):
    page = admin_client.get(LIST, {"q": "50"}).content.decode()
    assert "1 index seen" in page
    assert admin_client.get(LIST, {"q": "abc"}).status_code == 200


def test_the_list_is_filtered_by_time(admin_client, seen):
    tomorrow = {"last_requested__gte": "2100-01-01 00:00:00+00:00"}
    assert "0 indices seen" in admin_client.get(LIST, tomorrow).content.decode()


def test_a_row_can_be_looked_at_and_not_changed_added_or_deleted(admin_client, seen):
    row = seen[0]
    page = admin_client.get(reverse("admin:calculator_seenindex_change", args=[row.pk])).content.decode()
    assert "7" in page
    assert 'name="number"' not in page
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(reverse("admin:calculator_seenindex_delete", args=[row.pk])).status_code == 403
    admin_client.post(reverse("admin:calculator_seenindex_change", args=[row.pk]), {"number": "8"})
    assert sorted(SeenIndex.objects.values_list("number", flat=True)) == [7, 50, 1000]


def act(client, action, rows):
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(LIST, chosen, follow=True).content.decode()


def test_compute_again_queues_what_has_a_value(admin_client, seen):
    values.store(7, b"13", 1)
    page = act(admin_client, "compute_again", seen[:1])
    assert "1 of 1 chosen indices are queued again." in page
    assert values.read(7).state == values.State.QUEUED


def test_forget_the_value_deletes_it_and_reading_computes_it_again(admin_client, seen, queued):
    values.store(7, b"13", 1)
    page = act(admin_client, "forget_the_value", seen[:1])
    assert "The values of 1 indices are forgotten" in page
    # The list that follows shows the index, which is a reading.
    assert queued("quick") == 3


def test_without_redis_the_list_and_the_actions_say_so_and_change_nothing(admin_client, seen, redis_away):
    assert ">waiting<" in admin_client.get(LIST).content.decode()
    assert "Redis is away" in act(admin_client, "forget_the_value", seen)


def test_the_list_is_for_staff_alone(client):
    assert client.get(LIST).status_code == 302
