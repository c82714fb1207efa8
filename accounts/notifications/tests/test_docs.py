"""The documentation of notifications says what the code does: its services, kinds, and how a signature is checked."""

import re
import time

from accounts.notifications.catalogue import SERVICES
from accounts.notifications.domain import PAUSES, signature
from accounts.notifications.models import Kind
from tests.support import ROOT

TEXT = (ROOT / "docs" / "notifications.md").read_text()


def test_it_names_every_service_and_every_kind() -> None:
    named = re.search(r"begins with `([a-z ]+)` and `://`", TEXT)
    assert named is not None
    assert named[1].split() == sorted(SERVICES)
    assert [kind for kind in Kind.values if f"`{kind}`" not in TEXT] == []


def test_its_pauses_are_those_of_the_code() -> None:
    minutes = [int(pause.total_seconds()) // 60 for pause in PAUSES if pause]
    assert minutes == [1, 5, 30, 120, 360]
    assert "after 1, 5 and 30 minutes, 2 and 6 hours" in TEXT


def test_the_snippet_tells_a_genuine_body_from_others() -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(snippet, names)  # noqa: S102  (what readers are told to run)
    body, now = b'{"id": "1"}', int(time.time())
    headers = {
        "BotBalance-Timestamp": str(now),
        "BotBalance-Signature": f"sha256={signature('whsec_x', now, body)}",
    }
    is_genuine = names["is_genuine"]
    assert is_genuine("whsec_x", headers, body)
    assert not is_genuine("whsec_y", headers, body)
    assert not is_genuine("whsec_x", headers, body + b" ")
    old = str(now - 1000)
    stale = {"BotBalance-Timestamp": old, "BotBalance-Signature": f"sha256={signature('whsec_x', int(old), body)}"}
    assert not is_genuine("whsec_x", stale, body)
