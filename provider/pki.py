"""soundstage:pki:Authority and Certificate — keys live in the encrypted state; what is due shows as a difference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import ip_address

from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from provider import certificates
from provider.certificates import Issued, Names
from provider.errors import PluginError
from provider.values import UNKNOWN, Plain, Properties, as_number, as_text, as_texts, plain_map

_OF_AN_AUTHORITY: Mapping[str, Plain] = {"validity_days": 3650, "generation": 1}
_OF_A_CERTIFICATE: Mapping[str, Plain] = {
    "validity_days": 90,
    "renew_before_days": 30,
    "dns_names": [],
    "ip_addresses": [],
}
_AUTHORITY_RENEWAL_SHARE = 10
"""An authority is due in the last tenth of its life: until then every host has learned its successor."""


_PRIVATE = "private_key_pem"


class _Issuer(ABC):
    """What both kinds share: checked numbers, values that are unknown in a preview, nothing outside the state."""

    defaults: Mapping[str, Plain] = {}
    reissue_on: tuple[str, ...] = ()

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Refuses missing names and days that are no whole number above 0."""
        inputs = _completed(request.new_inputs, self.defaults)
        return provider.CheckResponse(inputs=inputs, failures=_problems(plain_map(inputs)))

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """What leads to a new issue: other names, another signer, a higher generation, or the end coming near."""
        old = plain_map(_completed(request.old_state, self.defaults))
        new = plain_map(_completed(request.new_inputs, self.defaults))
        changed = {key: _changed() for key in self.reissue_on if old.get(key) != new.get(key)}
        if not changed and self._due(old, new):
            changed = {self._shows_the_end: _changed()}
        return provider.DiffResponse(changes=bool(changed), diffs=list(changed), detailed_diff=changed)

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        """A new issue; unknown in a preview."""
        return provider.CreateResponse(request.name, self._outputs(request.properties, {}, request.preview))

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        """A new issue in place of the old one."""
        return provider.UpdateResponse(self._outputs(request.news, plain_map(request.olds), request.preview))

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """The state is the only place it is kept."""
        return provider.ReadResponse(request.resource_id, request.properties, request.inputs)

    async def delete(self, request: provider.DeleteRequest) -> None:  # noqa: B027 - there is nothing else to do
        """Leaves with the state."""

    _shows_the_end = "certificate_pem"

    def _outputs(self, news: Properties, olds: Mapping[str, Plain], preview: bool) -> dict[str, PropertyValue]:
        inputs = _completed(news, self.defaults)
        texts = self._unknown() if preview else self._issue(plain_map(inputs), as_text(olds.get("certificate_pem")))
        issued = {key: PropertyValue(text, is_secret=key == _PRIVATE and not preview) for key, text in texts.items()}
        return {**inputs, **issued}

    @abstractmethod
    def _due(self, old: Mapping[str, Plain], new: Mapping[str, Plain]) -> bool: ...

    @abstractmethod
    def _unknown(self) -> dict[str, str]: ...

    @abstractmethod
    def _issue(self, inputs: Mapping[str, Plain], previous: str) -> dict[str, str]: ...


class AuthorityType(_Issuer):
    """A private authority; after a renewal `bundle_pem` holds its predecessor too while that is valid."""

    defaults = _OF_AN_AUTHORITY
    reissue_on = ("common_name", "validity_days", "generation")

    def _due(self, old: Mapping[str, Plain], new: Mapping[str, Plain]) -> bool:
        days = as_number(new.get("validity_days"), 3650) / _AUTHORITY_RENEWAL_SHARE
        return _ends_within(as_text(old.get("certificate_pem")), days)

    def _unknown(self) -> dict[str, str]:
        return dict.fromkeys(("certificate_pem", "private_key_pem", "bundle_pem"), UNKNOWN)

    def _issue(self, inputs: Mapping[str, Plain], previous: str) -> dict[str, str]:
        issued = certificates.new_authority(
            as_text(inputs["common_name"]), int(as_number(inputs["validity_days"], 3650))
        )
        bundle = issued.certificate_pem + (previous if certificates.still_valid(previous) else "")
        return {
            "certificate_pem": issued.certificate_pem,
            "private_key_pem": issued.private_key_pem,
            "bundle_pem": bundle,
        }


class CertificateType(_Issuer):
    """A certificate with its own key; every renewal makes a new key."""

    defaults = _OF_A_CERTIFICATE
    reissue_on = ("authority_certificate_pem", "common_name", "dns_names", "ip_addresses", "validity_days")
    _shows_the_end = "not_after"

    def _due(self, old: Mapping[str, Plain], new: Mapping[str, Plain]) -> bool:
        # One that ends with its authority is renewed with it: a new one today would end on the same day.
        ends_earlier = not _same_end(as_text(old.get("certificate_pem")), as_text(old.get("authority_certificate_pem")))
        days = as_number(new.get("renew_before_days"), 30)
        return ends_earlier and _ends_within(as_text(old.get("certificate_pem")), days)

    def _unknown(self) -> dict[str, str]:
        return dict.fromkeys(("certificate_pem", "private_key_pem", "not_after"), UNKNOWN)

    def _issue(self, inputs: Mapping[str, Plain], previous: str) -> dict[str, str]:  # noqa: ARG002 - nothing is kept
        authority = Issued(as_text(inputs["authority_certificate_pem"]), as_text(inputs["authority_private_key_pem"]))
        names = Names(
            as_text(inputs["common_name"]), as_texts(inputs.get("dns_names")), as_texts(inputs.get("ip_addresses"))
        )
        try:
            issued = certificates.new_certificate(authority, names, int(as_number(inputs["validity_days"], 90)))
        except ValueError as error:
            raise PluginError(f"certificate for {names.common_name}: the authority cannot sign: {error}") from None
        return {
            "certificate_pem": issued.certificate_pem,
            "private_key_pem": issued.private_key_pem,
            "not_after": certificates.end_of(issued.certificate_pem).isoformat(),
        }


def _ends_within(certificate_pem: str, days: float) -> bool:
    try:
        return certificates.end_of(certificate_pem) - certificates.now() <= timedelta(days=days)
    except ValueError:
        return True


def _same_end(certificate_pem: str, authority_pem: str) -> bool:
    try:
        return certificates.end_of(certificate_pem) == certificates.end_of(authority_pem)
    except ValueError:
        return False


def _problems(inputs: Mapping[str, Plain]) -> list[provider.CheckFailure]:
    failures = [
        provider.CheckFailure(key, f"must be a whole number from 1; given is {inputs[key]!r}")
        for key in ("validity_days", "renew_before_days", "generation")
        if key in inputs and not _days(inputs[key])
    ]
    if not inputs.get("common_name"):
        failures.append(provider.CheckFailure("common_name", "is missing"))
    validity, renewal = inputs.get("validity_days"), inputs.get("renew_before_days")
    if isinstance(validity, int) and isinstance(renewal, int) and renewal >= validity:
        failures.append(
            provider.CheckFailure(
                "renew_before_days", f"must be below validity_days; given are {renewal} and {validity}"
            )
        )
    failures += [
        provider.CheckFailure("ip_addresses", f"must be IP addresses; given is {address!r}")
        for address in as_texts(inputs.get("ip_addresses"))
        if address != UNKNOWN and not _is(ip_address, address)
    ]
    return failures


def _is(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True


def _days(value: Plain) -> bool:
    return value == UNKNOWN or (isinstance(value, int) and not isinstance(value, bool) and value >= 1)


def _completed(properties: Properties, defaults: Mapping[str, Plain]) -> dict[str, PropertyValue]:
    known = {key: value for key, value in properties.items() if value.value is not None}
    missing = {key: value for key, value in defaults.items() if key not in known}
    return {**{key: _default(value) for key, value in missing.items()}, **known}


def _default(value: Plain) -> PropertyValue:
    return PropertyValue([] if isinstance(value, list) else as_number(value, 0.0) * 1.0)


def _changed() -> PropertyDiff:
    return PropertyDiff(PropertyDiffKind.UPDATE, False)
