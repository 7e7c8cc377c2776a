"""Certificates on the curve P-256, as text in and text out. The clock is read here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLOCK_SKEW = timedelta(minutes=5)
"""Certificates start this much earlier: hosts' clocks may be behind."""


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key, PEM both."""

    certificate_pem: str
    private_key_pem: str


@dataclass(frozen=True)
class Names:
    """Whom a certificate is for."""

    common_name: str
    dns_names: Sequence[str] = ()
    ip_addresses: Sequence[str] = ()


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def new_authority(common_name: str, validity_days: int) -> Issued:
    """A self-signed authority that signs servers and clients, no further authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(common_name)
    builder = _builder(subject, subject, key.public_key(), now() + timedelta(days=validity_days))
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Issued(_pem(certificate), _key_pem(key))


def new_certificate(authority: Issued, names: Names, validity_days: int) -> Issued:
    """A certificate for servers and clients, never longer valid than its authority. Raises ValueError on bad PEM."""
    issuer = x509.load_pem_x509_certificate(authority.certificate_pem.encode())
    signer = serialization.load_pem_private_key(authority.private_key_pem.encode(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is no elliptic-curve key")  # noqa: TRY004 - the text is wrong, not a type
    key = ec.generate_private_key(ec.SECP256R1())
    end = min(now() + timedelta(days=validity_days), issuer.not_valid_after_utc)
    alternatives = [
        *(x509.DNSName(name) for name in names.dns_names),
        *(x509.IPAddress(ip_address(address)) for address in names.ip_addresses),
    ]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        _builder(_name(names.common_name), issuer.subject, key.public_key(), end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(_authority_identifier(issuer), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives or [x509.DNSName(names.common_name)]), critical=False)
    )
    return Issued(_pem(builder.sign(signer, hashes.SHA256())), _key_pem(key))


def end_of(certificate_pem: str) -> datetime:
    """When the (first) certificate ends, in UTC. Raises ValueError on bad PEM."""
    return x509.load_pem_x509_certificate(certificate_pem.encode()).not_valid_after_utc


def still_valid(certificate_pem: str) -> bool:
    """True until the certificate ends; false for what is no certificate."""
    try:
        return end_of(certificate_pem) > now()
    except ValueError:
        return False


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _authority_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
