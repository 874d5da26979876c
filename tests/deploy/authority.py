"""A certificate authority and what it signs, in place of those of RDS and ElastiCache."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def write_certificates(folder, postgres, redis):
    """Write postgres.pem, redis.pem and their keys for these host names, and return the path of the authority's own."""
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = name("Rehearsal")
    certificate = signed(
        issuer, issuer, authority.public_key(), authority, x509.BasicConstraints(ca=True, path_length=0)
    )
    path = folder / "authority.pem"
    path.write_bytes(certificate)
    for file, host in {"postgres": postgres, "redis": redis}.items():
        key = ec.generate_private_key(ec.SECP256R1())
        # A common name holds 64 characters, and these hosts have more.
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        (folder / f"{file}.pem").write_bytes(signed(name(file), issuer, key.public_key(), authority, names))
        (folder / f"{file}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    # The containers read it as users of their own.
    folder.chmod(0o755)
    return path


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def signed(subject, issuer, public_key, signer, extension):
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, public_key, x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    if isinstance(extension, x509.BasicConstraints):
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
