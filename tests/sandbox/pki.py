# SPDX-License-Identifier: MIT
"""Certificates for the sandbox: a CA, good server certificates and every kind of bad one."""
import datetime
import ipaddress
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "smtp.sandbox.test", "login.sandbox.test")
ADDRESSES = ("127.0.0.1", "::1")
VARIANTS = ("good", "wrong-name", "expired", "not-yet-valid", "self-signed", "unknown-ca",
            "name-in-cn-only")
DAY = datetime.timedelta(days=1)
TLS_VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1,
                "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "oauthrelay sandbox"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write(path, data, mode=0o644):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class Authority:
    def __init__(self, common_name):
        now = datetime.datetime.utcnow()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(common_name)
        usage = x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True,
                              content_commitment=False, key_encipherment=False,
                              data_encipherment=False, key_agreement=False,
                              encipher_only=False, decipher_only=False)
        self.identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY).not_valid_after(now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(self.identifier, critical=False)
            .sign(self.key, hashes.SHA256()))

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, key, names, addresses, common_name, first, last, self_signed=False):
        subject = _name(common_name)
        builder = (
            x509.CertificateBuilder().subject_name(subject)
            .issuer_name(subject if self_signed else self.name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(first).not_valid_after(last)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                           critical=False))
        if not self_signed:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self.identifier),
                critical=False)
        if names or addresses:
            alternatives = [x509.DNSName(name) for name in names]
            alternatives += [x509.IPAddress(ipaddress.ip_address(text)) for text in addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives),
                                            critical=False)
        return builder.sign(key if self_signed else self.key, hashes.SHA256())


class Pki:
    """Everything is in DIR/pki, the CA's certificate in DIR/ca.pem."""

    def __init__(self, directory):
        self.ca_file = os.path.join(directory, "ca.pem")
        self._folder = os.path.join(directory, "pki")
        os.makedirs(self._folder, exist_ok=True)
        self._contexts = {}
        trusted, stranger = Authority("Sandbox CA"), Authority("Unknown CA")
        _write(self.ca_file, trusted.pem())
        now = datetime.datetime.utcnow()
        valid = (now - DAY, now + 30 * DAY)
        self._make("good", trusted, NAMES, ADDRESSES, "localhost", valid)
        self._make("wrong-name", trusted, ("other.sandbox.test",), (), "other.sandbox.test", valid)
        self._make("expired", trusted, NAMES, ADDRESSES, "localhost", (now - 9 * DAY, now - DAY))
        self._make("not-yet-valid", trusted, NAMES, ADDRESSES, "localhost",
                   (now + DAY, now + 9 * DAY))
        self._make("self-signed", trusted, NAMES, ADDRESSES, "localhost", valid, self_signed=True)
        self._make("unknown-ca", stranger, NAMES, ADDRESSES, "localhost", valid)
        self._make("name-in-cn-only", trusted, (), (), "localhost", valid)

    def _make(self, variant, authority, names, addresses, common_name, valid, self_signed=False):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = authority.issue(key, names, addresses, common_name, *valid, self_signed)
        _write(os.path.join(self._folder, variant + ".key"), _key_pem(key), 0o600)
        _write(os.path.join(self._folder, variant + ".pem"),
               certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, variant, tls_max="1.3"):
        """A server context: TLS 1.2 and 1.3 as at Microsoft, unless `tls_max` asks for less."""
        if variant not in VARIANTS or tls_max not in TLS_VERSIONS:
            raise ValueError(f"no such certificate or version: {variant} {tls_max}")
        key = (variant, tls_max)
        if key not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if tls_max in ("1.0", "1.1"):
                context.set_ciphers("DEFAULT@SECLEVEL=0")
                context.minimum_version = TLS_VERSIONS["1.0"]
            else:
                context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.maximum_version = TLS_VERSIONS[tls_max]
            base = os.path.join(self._folder, variant)
            context.load_cert_chain(base + ".pem", base + ".key")
            self._contexts[key] = context
        return self._contexts[key]
