from __future__ import annotations

import pulumi
import pytest

from components.rollout import Member, Rollout, RolloutArgs
from components.secrets import Authority, AuthorityArgs, Certificate, CertificateArgs, Password, PasswordArgs
from scripts.recording import Recording, record

from .conftest import machine


def program() -> None:
    password = Password("password", PasswordArgs())
    authority = Authority("authority", AuthorityArgs(common_name="Soundstage"))
    certificate = Certificate(
        "certificate", CertificateArgs(authority=authority, common_name="db1", dns_names=("db1", "db1.internal"))
    )
    pulumi.export("password", password.value)
    pulumi.export("bundle", authority.bundle_pem)
    pulumi.export("authority_key", authority.private_key_pem)
    pulumi.export("certificate", certificate.certificate_pem)
    pulumi.export("key", certificate.private_key_pem)


@pytest.fixture
def recording() -> Recording:
    return record(program)


def test_keys_and_passwords_are_secrets_and_certificates_are_not(recording: Recording) -> None:
    assert recording.secret_outputs == ("authority_key", "key", "password")


def test_the_engine_is_told_which_outputs_are_secret_before_they_are_known() -> None:
    resources = record(program, preview=True).resources
    assert resources["password"].secret_outputs == ("value",)
    assert resources["authority"].secret_outputs == ("private_key_pem",)
    assert resources["certificate"].secret_outputs == ("private_key_pem",)


def test_the_key_of_the_authority_goes_to_the_engine_as_a_secret(recording: Recording) -> None:
    assert recording.resources["certificate"].secret == ("authority_private_key_pem",)
    assert recording.resources["certificate"].inputs == {
        "authority_certificate_pem": "authority.certificate_pem",
        "authority_private_key_pem": "authority.private_key_pem",
        "common_name": "db1",
        "dns_names": ["db1", "db1.internal"],
        "ip_addresses": [],
        "validity_days": 90,
        "renew_before_days": 30,
    }


def test_a_weak_password_is_refused() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 16"):
        PasswordArgs(length=8)


def test_a_rollout_names_every_member_with_its_connection_and_fingerprint() -> None:
    member = Member(machine=machine("app1"), fingerprint="f1", unit="redis.service")
    args = RolloutArgs(members={"app1": member}, leader_argv=("who",), healthy_argv=("ok",), handover_argv=("go",))
    inputs = record(lambda: Rollout("redis", args)).resources["redis"].inputs
    assert inputs["members"] == {
        "app1": {
            "host": "app1",
            "fingerprint": "f1",
            "unit": "redis.service",
            "connection": machine("app1").connection.model_dump(mode="json"),
        }
    }
    assert inputs["deadline_seconds"] == 60
    assert "drain" not in inputs
