"""Certificates for hosts that are played: an authority of the test's own, and one for each name."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


class Authority:
    """Vouches for any host. Whoever is told to trust its file believes it; nobody else does.

    Args:
        folder: where its file and those of the hosts go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test bed")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self._sign(self._name, self._key.public_key(), constraints)
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, host: str) -> ssl.SSLContext:
        """A server's TLS context for one host."""
        if host not in self._contexts:
            key = ec.generate_private_key(ec.SECP256R1())
            # The name proper goes into the extension: as a common name it may be too long.
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "played")])
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            certificate = self._sign(subject, key.public_key(), names)
            file = self._folder / f"{host}.pem"
            file.write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
                + certificate.public_bytes(serialization.Encoding.PEM)
            )
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            self._contexts[host] = context
        return self._contexts[host]

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        own = self._key.public_key()
        is_authority = isinstance(extension, x509.BasicConstraints)
        use = dict.fromkeys(_USES, False) | {
            "key_cert_sign": is_authority,
            "digital_signature": not is_authority,
        }
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=is_authority)
            # Python 3.13 asks for what RFC 5280 says of a certificate.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
            .add_extension(x509.KeyUsage(**use), critical=True)
            .sign(self._key, hashes.SHA256())
        )
