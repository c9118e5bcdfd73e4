"""A certificate of this machine's own for Flight, made once and renewed before it ends."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = 365
_RENEW_DAYS = 30


def certificate(folder: Path, names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return (certificate, key) in PEM for hosts' names or addresses.

    `folder/flight-cert.pem` is what clients trust; it is its own authority.
    """
    cert_file, key_file = folder / "flight-cert.pem", folder / "flight-key.pem"
    if cert_file.exists() and key_file.exists():
        known = x509.load_pem_x509_certificate(cert_file.read_bytes())
        left = known.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
        if left.days > _RENEW_DAYS and set(names) <= _names(known):
            return cert_file.read_bytes(), key_file.read_bytes()
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lakelet Flight")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([_name(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    cert_file.write_bytes(public)
    return public, private


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _names(known: x509.Certificate) -> set[str]:
    extension = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in extension}
