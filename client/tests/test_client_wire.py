"""How the client asks: with time limits, never a deed twice under two keys, and never the token to anybody else."""

from collections.abc import Iterator

import pytest
from botbalance_client import AnswerLost, Client, ConfigError, NotUnderstood, Refused, Unreachable
from scripted import Answer, Asked, Scripted, refused, scripted

TOKEN = "bb_0123456789ab_secret"
RUN = {"run": 5, "state": "active", "reason": "", "orders": [], "skips": []}


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted(lambda asked: Answer(200, {"id": 1})) as here:
        yield here


@pytest.fixture
def client(server: Scripted) -> Iterator[Client]:
    with Client(server.url, TOKEN, timeout=5, sleep=lambda seconds: None) as made:
        yield made


def in_turn(*answers: Answer) -> "Iterator[Answer]":
    return iter(answers)


def test_it_asks_canonical_addresses_with_the_token(server: Scripted, client: Client) -> None:
    client.me()
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/api/v1/auth/me")
    assert asked.headers["Authorization"] == f"Token {TOKEN}"


def test_a_question_without_an_answer_is_asked_again(server: Scripted, client: Client) -> None:
    answers = in_turn(Answer(lost=True), Answer(503, b"busy"), Answer(200, {"id": 7}))
    server.tell = lambda asked: next(answers)
    assert client.me()["id"] == 7
    server.tell = lambda asked: Answer(lost=True)
    with pytest.raises(Unreachable):
        client.me()
    assert len(server.asked) == 6


def test_a_deed_without_an_answer_is_sent_again_with_its_key(server: Scripted, client: Client) -> None:
    answers = in_turn(Answer(lost=True), refused(500, "server_error"), Answer(201, RUN))
    server.tell = lambda asked: next(answers)
    run, began = client.execute(3, "digest", "my-key")
    assert (run["run"], began) == (5, True)
    assert [asked.headers["Idempotency-Key"] for asked in server.asked] == ["my-key"] * 3
    assert [asked.body for asked in server.asked] == [{"strategy": 3, "plan_digest": "digest"}] * 3


def test_every_deed_carries_a_key(server: Scripted, client: Client) -> None:
    client.start(1)
    client.stop(1)
    keys = [asked.headers["Idempotency-Key"] for asked in server.asked]
    assert all(keys)
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    "last", [Answer(lost=True), refused(500, "server_error"), refused(409, "idempotency_in_progress"), Answer(502, b"")]
)
def test_of_a_deed_without_an_answer_nothing_is_said_to_be_known(
    last: Answer, server: Scripted, client: Client
) -> None:
    server.tell = lambda asked: last
    with pytest.raises(AnswerLost):
        client.execute(3, "digest", "my-key")
    assert len(server.asked) == 3


def test_a_refusal_after_a_lost_answer_does_not_speak_for_it(server: Scripted, client: Client) -> None:
    answers = in_turn(Answer(lost=True), refused(409, "plan_changed"), refused(409, "plan_changed"))
    server.tell = lambda asked: next(answers)
    with pytest.raises(AnswerLost):
        client.execute(3, "digest", "my-key")


@pytest.mark.parametrize(("status", "code"), [(409, "plan_changed"), (503, "unavailable"), (403, "token_scope")])
def test_a_refused_deed_is_not_sent_again(status: int, code: str, server: Scripted, client: Client) -> None:
    server.tell = lambda asked: refused(status, code, "Because.")
    with pytest.raises(Refused, match="Because") as caught:
        client.execute(3, "digest", "my-key")
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(server.asked) == 1


def test_a_deed_that_never_left_is_not_lost() -> None:
    with scripted(lambda asked: Answer()) as here:
        pass
    with Client(here.url, TOKEN, timeout=2, sleep=lambda seconds: None) as client, pytest.raises(Unreachable):
        client.execute(3, "digest", "my-key")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_it_follows_no_redirect(status: int, server: Scripted, client: Client) -> None:
    with scripted(lambda asked: Answer(200, {"id": 1})) as elsewhere:
        server.tell = lambda asked: Answer(status, {}, {"Location": f"{elsewhere.url}/api/v1/auth/me"})
        with pytest.raises(ConfigError, match="elsewhere"):
            client.me()
        assert elsewhere.asked == []


STRANGE = [(status, body) for status in (200, 404) for body in (b"<html>", b"", b"[]", b"[" * 100_000)]


@pytest.mark.parametrize(("status", "body"), [*STRANGE, (404, b'{"error": "x"}'), (404, b'{"error": {"code": 1}}')])
def test_what_is_no_answer_of_this_api_is_said_so(status: int, body: bytes, server: Scripted, client: Client) -> None:
    server.tell = lambda asked: Answer(status, body)
    with pytest.raises(NotUnderstood):
        client.me()


def test_every_page_is_read_wherever_the_server_thinks_it_is(server: Scripted, client: Client) -> None:
    def tell(asked: Asked) -> Answer:
        last = "cursor=two" in asked.path
        following = None if last else "http://inside:8000/api/v1/me/orders?cursor=two&limit=200"
        return Answer(200, {"results": [{"id": 2 if last else 1}], "next": following})

    server.tell = tell
    assert [row["id"] for row in client.orders(symbol="BTCUSDT", side=None)] == [1, 2]
    assert server.asked[0].path == "/api/v1/me/orders?limit=200&symbol=BTCUSDT"


@pytest.mark.parametrize(
    "server",
    [
        "",
        "example.org",
        "ftp://example.org",
        "https://",
        "https://user:pass@example.org",
        "https://a:x",
        "http://[",
        "http://example.org",
    ],
)
def test_an_address_that_cannot_be_one_is_refused(server: str) -> None:
    with pytest.raises(ConfigError):
        Client(server, TOKEN)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://example.org/", "https://example.org"),
        ("https://example.org/api/v1/", "https://example.org"),
        ("https://example.org:8443/bot/api", "https://example.org:8443/bot"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_an_address_is_taken_as_it_is_copied(given: str, meant: str) -> None:
    assert Client(given, TOKEN).server == meant


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "é"])
def test_a_token_that_cannot_be_one_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Client("https://example.org", token)
    assert not token or token not in str(caught.value)
