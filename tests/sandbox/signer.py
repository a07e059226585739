# SPDX-License-Identifier: MIT
"""For tests: certificates of applications with the assertions they sign, and a federated issuer."""
import datetime
import hashlib
import json
import os
import time
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from .jwt import b64url

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _write(path, data):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return path


def encode(header, claims, sign):
    signed = ".".join(b64url(part if isinstance(part, bytes) else json.dumps(part).encode())
                      for part in (header, claims))
    return signed + "." + b64url(sign(signed.encode()))


class Certificate:
    """A self-signed certificate with its RSA key. pem, key_pem; write() puts both into files."""

    def __init__(self, name="oauthrelay", bits=2048, days=(-1, 30)):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        first, last = (datetime.datetime.utcnow() + datetime.timedelta(days=day) for day in days)
        self._certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(first).not_valid_after(last).sign(self.key, hashes.SHA256()))
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.key_pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()).decode()

    def thumbprint(self, digest=hashlib.sha256):
        return b64url(digest(self._certificate.public_bytes(serialization.Encoding.DER)).digest())

    def write(self, folder, name="app"):
        """(certificate file, key file), both 0600."""
        return (_write(os.path.join(folder, name + ".pem"), self.pem.encode()),
                _write(os.path.join(folder, name + ".key"), self.key_pem.encode()))

    def sign(self, algorithm="PS256", salt=32):
        scheme = padding.PKCS1v15() if algorithm == "RS256" else \
            padding.PSS(padding.MGF1(hashes.SHA256()), salt)
        return lambda data: self.key.sign(data, scheme, hashes.SHA256())

    def assertion(self, client_id, audience, header=None, claims=None, sign=None):
        """A right one; `header` and `claims` change it (None removes)."""
        now = int(time.time())
        top = {"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint(), **(header or {})}
        body = {"aud": audience, "iss": client_id, "sub": client_id, "jti": str(uuid.uuid4()),
                "nbf": now - 60, "iat": now, "exp": now + 500, **(claims or {})}
        return encode({key: value for key, value in top.items() if value is not None},
                      {key: value for key, value in body.items() if value is not None},
                      sign or self.sign("RS256" if top["alg"] == "RS256" else "PS256"))

    def form(self, box, **changes):
        """The fields of a token request of the sandbox's default application."""
        return {"grant_type": "client_credentials", "client_id": box.client_id,
                "scope": "https://outlook.office365.com/.default",
                "client_assertion_type": JWT_BEARER,
                "client_assertion": self.assertion(box.client_id, box.token_endpoint, **changes)}


class Federation:
    """An identity provider outside, trusted by `trust()`; `token()` makes its JWTs."""
    AUDIENCE = "api://AzureADTokenExchange"

    def __init__(self, issuer="https://kubernetes.example/cluster", subject="system:serviceaccount:relay"):
        self.issuer, self.subject, self.kid = issuer, subject, "key-1"
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def trust(self, box, client=None, **changes):
        """The application accepts tokens of this issuer; `changes` spoil the record."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        record = {"issuer": self.issuer, "subject": self.subject, "audience": self.AUDIENCE,
                  **changes}
        box.set(issuers={self.issuer: {self.kid: public}},
                apps={client or box.client_id: {"federated": [record]}})

    def token(self, lifetime=3600, **claims):
        now = int(time.time())
        body = {"iss": self.issuer, "sub": self.subject, "aud": [self.AUDIENCE], "nbf": now,
                "iat": now, "exp": now + lifetime, "jti": str(uuid.uuid4()), **claims}
        return encode({"alg": "RS256", "kid": self.kid}, body,
                      lambda data: self._key.sign(data, padding.PKCS1v15(), hashes.SHA256()))

    def form(self, box, **claims):
        return {"grant_type": "client_credentials", "client_id": box.client_id,
                "scope": "https://outlook.office365.com/.default",
                "client_assertion_type": JWT_BEARER, "client_assertion": self.token(**claims)}
