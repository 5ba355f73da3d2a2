"""A new invitation: its code, its link and its item."""

import base64
import hashlib

from tests.support.secret_leaks import holds
from travel_gpt.guard.clients import Client
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.new_invitation import invitation_key, new_invitation

CLIENT = Client("c-1", "kim", Limits(), sessions_after=900)


def test_the_item_has_the_hash_of_the_code_and_what_the_link_allows() -> None:
    made = new_invitation(CLIENT, devices=2, expires_at=2_000, now=1_000.9)

    assert made.item == {
        "pk": {"S": f"invitation#{hashlib.sha256(made.code.encode()).hexdigest()}"},
        "sk": {"S": "record"},
        "client": {"S": "c-1"},
        "devices": {"N": "2"},
        "created_at": {"N": "1000"},
        "expires_at": {"N": "2000"},
        "sessions_after": {"N": "900"},
        "expires": {"N": "2000"},
    }
    assert invitation_key(made.code) == {name: made.item[name]["S"] for name in ("pk", "sk")}


def test_the_code_is_random_and_only_in_the_fragment_of_the_link() -> None:
    made, other = (new_invitation(CLIENT, devices=1, expires_at=2_000) for _ in range(2))

    assert made.code != other.code
    assert len(base64.urlsafe_b64decode(made.code)) == 24
    assert made.link("https://api.example/Prod/travel-gpt/app").split("#") == [
        "https://api.example/Prod/travel-gpt/app",
        f"invitation={made.code}",
    ]
    assert not holds(repr(made) + str(made.item), made.code)
