"""A state that was lost comes back from its encrypted copy: the same secrets, no drift, no change."""

from __future__ import annotations

import re
import shutil
import stat

from tests.lab.stack.checkout import Checkout


def test_a_lost_state_comes_back_from_its_copy_without_drift_or_change(stack: Checkout) -> None:
    stack.make("up")
    password = _password(stack)
    copy = stack.root / "kept.state"
    told = stack.make("state-export", f"FILE={copy}")
    assert password not in told
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    kept = copy.read_bytes()
    for readable in (password, "resources", "10.", "edge1", "ciphertext"):
        assert readable.encode() not in kept.split(b"\n", 1)[1], readable

    shutil.rmtree(stack.root / ".lab" / "state")
    assert "everything is a create" in stack.make("preview")
    assert "another passphrase" in _make_with(stack, "another", "state-import", f"FILE={copy}")
    assert "everything is a create" in stack.make("preview")

    stack.make("state-import", f"FILE={copy}")
    stack.make("drift", expect=0)
    preview = stack.make("preview")
    assert re.search(r"\d+ unchanged", preview)
    assert not re.search(r"\d+ to (create|update|replace|delete)", preview), preview
    assert _password(stack) == password
    assert "has a state" in stack.make("state-import", f"FILE={copy}", expect=1)


def _password(stack: Checkout) -> str:
    return stack.pulumi("stack output statistics_password --show-secrets -s lab").strip().splitlines()[-1]


def _make_with(stack: Checkout, passphrase: str, *words: str) -> str:
    """What `make` says, which must fail, when the user has set this passphrase."""
    return stack.make(*words, f"PULUMI_CONFIG_PASSPHRASE={passphrase}", expect=1)
