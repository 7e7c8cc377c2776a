"""Passwords, authorities and certificates over the plugin's own interface."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2

from provider import certificates
from provider.values import UNKNOWN, Properties, as_text, dressed_map, plain_map
from tests.provider.harness import Plugin

PASSWORD = "soundstage:secret:Password"
AUTHORITY = "soundstage:pki:Authority"
CERTIFICATE = "soundstage:pki:Certificate"
NONE = provider_pb2.DiffResponse.DIFF_NONE
SOME = provider_pb2.DiffResponse.DIFF_SOME


async def test_a_password_is_long_plain_and_secret(plugin: Plugin) -> None:
    made = await plugin.create(PASSWORD, {})
    assert made["value"].is_secret
    assert re.fullmatch(r"[A-Za-z0-9]{32}", str(made["value"].value))


async def test_a_password_stays_until_its_generation_rises(plugin: Plugin) -> None:
    made = await plugin.create(PASSWORD, {})
    assert (await plugin.diff(PASSWORD, made, {})).changes == NONE
    rotation = dressed_map({"generation": 2})
    assert list((await plugin.diff(PASSWORD, made, rotation)).detailedDiff) == ["generation"]
    renewed = await plugin.update(PASSWORD, made, rotation)
    assert renewed["value"] != made["value"]
    assert (await plugin.diff(PASSWORD, renewed, rotation)).changes == NONE


async def test_a_password_is_unknown_in_a_preview(plugin: Plugin) -> None:
    assert (await plugin.create(PASSWORD, {}, preview=True))["value"] == PropertyValue(UNKNOWN)


async def test_a_password_that_is_too_short_is_refused_by_name(plugin: Plugin) -> None:
    assert await plugin.check(PASSWORD, dressed_map({"length": 8})) == {
        "length": "must be a whole number from 16; given is 8"
    }


async def test_a_certificate_is_signed_for_its_names(plugin: Plugin) -> None:
    authority = await plugin.create(AUTHORITY, dressed_map({"common_name": "Soundstage"}))
    made = await plugin.create(CERTIFICATE, request_for(authority, dns_names=["edge1"], ip_addresses=["10.0.0.11"]))
    assert authority["private_key_pem"].is_secret
    assert made["private_key_pem"].is_secret
    issued = x509.load_pem_x509_certificate(text(made, "certificate_pem").encode())
    issuer = x509.load_pem_x509_certificate(text(authority, "certificate_pem").encode())
    issued.verify_directly_issued_by(issuer)
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["edge1"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("10.0.0.11")]
    key = issued.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert timedelta(days=89) < issued.not_valid_after_utc - datetime.now(UTC) <= timedelta(days=90)


async def test_the_certificate_of_a_new_authority_bundles_the_old_one(plugin: Plugin) -> None:
    first = await plugin.create(AUTHORITY, dressed_map({"common_name": "Soundstage"}))
    assert text(first, "bundle_pem") == text(first, "certificate_pem")
    renewal = dressed_map({"common_name": "Soundstage", "generation": 2})
    second = await plugin.update(AUTHORITY, first, renewal)
    assert text(second, "bundle_pem") == text(second, "certificate_pem") + text(first, "certificate_pem")
    old = await plugin.create(CERTIFICATE, request_for(first))
    assert (await plugin.diff(CERTIFICATE, old, request_for(second))).changes == SOME


@pytest.mark.parametrize(("renew_before_days", "changes"), [(30, NONE), (89, NONE), (90, SOME)])
async def test_a_certificate_due_for_renewal_shows_as_a_difference(
    plugin: Plugin, renew_before_days: int, changes: int
) -> None:
    authority = await plugin.create(AUTHORITY, dressed_map({"common_name": "Soundstage"}))
    made = await plugin.create(CERTIFICATE, request_for(authority))
    later = {**request_for(authority), "renew_before_days": PropertyValue(float(renew_before_days))}
    answer = await plugin.diff(CERTIFICATE, made, later)
    assert answer.changes == changes
    assert list(answer.detailedDiff) == (["not_after"] if changes == SOME else [])


async def test_a_certificate_never_outlives_its_authority_and_is_not_due_for_that(plugin: Plugin) -> None:
    authority = await plugin.create(AUTHORITY, dressed_map({"common_name": "Soundstage", "validity_days": 20}))
    made = await plugin.create(CERTIFICATE, request_for(authority))
    end = certificates.end_of(text(authority, "certificate_pem"))
    assert certificates.end_of(text(made, "certificate_pem")) == end
    assert (await plugin.diff(CERTIFICATE, made, request_for(authority))).changes == NONE


async def test_wrong_certificate_inputs_are_refused_all_at_once(plugin: Plugin) -> None:
    wrong = dressed_map({"validity_days": 30, "renew_before_days": 30, "ip_addresses": ["edge1"]})
    assert await plugin.check(CERTIFICATE, wrong) == {
        "common_name": "is missing",
        "renew_before_days": "must be below validity_days; given are 30 and 30",
        "ip_addresses": "must be IP addresses; given is 'edge1'",
    }


def request_for(authority: Properties, **names: list[str]) -> dict[str, PropertyValue]:
    """The inputs of a certificate for `edge1` from this authority."""
    lists = {key: PropertyValue([PropertyValue(name) for name in values]) for key, values in names.items()}
    return {
        "authority_certificate_pem": authority["certificate_pem"],
        "authority_private_key_pem": authority["private_key_pem"],
        "common_name": PropertyValue("edge1"),
        **lists,
    }


def text(properties: Properties, key: str) -> str:
    return as_text(plain_map(properties)[key])
