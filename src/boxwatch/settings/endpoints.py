"""Settings of what is asked or listened to over HTTP: model servers, and OpenTelemetry."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from boxwatch.settings.tree import Allowed, Folder, Interval, Port, Section, Size, Switch, Text


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError("must be an http or https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must hold no password; use token_file or token_env")
    if not value.isprintable() or " " in value:
        raise ValueError("must hold no blanks or control characters")
    return value


Address = Annotated[
    str,
    AfterValidator(_address),
    Allowed("", "an http or https address without a password; secrets go to token_file"),
]
Name = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,79}$"),
    Allowed("", "a name of letters, digits, `_`, `.`, `@` and `-`, at most 80"),
]


class ServiceEndpoint(Section):
    """A model server whose metrics are read."""

    name: Name = Field(description="What the service is called; its unit or container, best.")
    url: Address = Field(
        description="Where it says its metrics, such as http://127.0.0.1:8000/metrics."
    )
    interval_seconds: Interval = Field(default=5, description="Time between two readings.")
    timeout_seconds: Interval = Field(default=4, description="How long an answer may take.")
    host: Text | None = Field(
        default=None, description="The machine it counts to; none = this machine."
    )
    through_host: Switch = Field(
        default=False,
        description="Ask with curl on that host, over its connection, not from here.",
    )
    token_file: Folder | None = Field(
        default=None, description="File that holds the bearer token to send."
    )
    token_env: Text | None = Field(
        default=None, description="Variable that holds the bearer token to send."
    )


def _distinct(services: tuple[ServiceEndpoint, ...]) -> tuple[ServiceEndpoint, ...]:
    names = [(service.host, service.name) for service in services]
    if len(set(names)) < len(names):
        raise ValueError("every service of a host needs a name of its own")
    return services


Services = Annotated[
    tuple[ServiceEndpoint, ...],
    AfterValidator(_distinct),
    Allowed("", "a list of tables, each with a name of its own and a url"),
]


class Otlp(Section):
    """Receiving OpenTelemetry logs and metrics over HTTP."""

    enabled: Switch = Field(default=False, description="Whether to listen.")
    host: Text = Field(
        default="127.0.0.1",
        description="Address to listen on; any but loopback needs a token and TLS.",
    )
    port: Port = Field(default=4318, description="Port to listen on.")
    token: Annotated[SecretStr | None, Allowed("", "a secret; only from the environment")] = Field(
        default=None, description="Bearer token that senders must give."
    )
    token_file: Folder | None = Field(
        default=None, description="File that holds the bearer token, in place of the token itself."
    )
    tls_cert: Folder | None = Field(
        default=None, description="File of the certificate (PEM, with its chain) for TLS."
    )
    tls_key: Folder | None = Field(
        default=None, description="File of the key that belongs to the certificate."
    )
    tls_by_proxy: Switch = Field(
        default=False,
        description="Whether a proxy before it speaks TLS, so that plain HTTP comes in here.",
    )
    max_bytes: Size = Field(
        default=16 * 2**20, description="Largest request, before and after decompression."
    )
