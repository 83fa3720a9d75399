"""Settings -> the sources that speak HTTP: model servers that are asked, the OTLP receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from boxwatch import parts
from boxwatch.errors import SettingError
from boxwatch.settings import ServiceEndpoint, Settings
from boxwatch.sources import Position, Source
from boxwatch.wiring.hosts import Watched
from boxwatch.wiring.this_host import host_name

_KEY = "services"


def services(settings: Settings, hosts: Sequence[Watched]) -> dict[str, Source]:
    """A source for the model servers that are asked from here, and one for each host's own.

    Raises:
        SettingError: a service is to be asked through a host that is not configured, or its token
            cannot be read.

    """
    made: dict[str, Source] = {}
    direct = [service for service in settings.services if not service.through_host]
    if direct:
        made[_KEY] = _source(settings, direct, host_name(), None)
    for service in settings.services:
        if service.through_host and service.host not in {host.name for host in hosts}:
            raise SettingError(
                f"services: {service.name}: host = {service.host!r} is not one of [[hosts]].",
                hint="Configure that host, or set through_host = false to ask from here.",
            )
    for host in hosts:
        mine = [one for one in settings.services if one.through_host and one.host == host.name]
        if mine:
            fetch = parts.load("shell-fetch")(host.shell)
            made[f"{host.name}/{_KEY}"] = _source(settings, mine, host.name, fetch)
    return made


def otlp(settings: Settings, positions: Mapping[str, Position], folder: Path) -> dict[str, Source]:
    """The receiver of OpenTelemetry, if it is switched on; it keeps what came below `folder`.

    Raises:
        SettingError: it would listen to other machines without a token, or in plain HTTP.

    """
    wanted = settings.otlp
    if not wanted.enabled:
        return {}
    options = parts.load("otlp-options")(
        host=wanted.host,
        port=wanted.port,
        token=settings.otlp_token(),
        most_bytes=wanted.max_bytes,
        spool=folder,
        tls_cert=_file(settings, wanted.tls_cert),
        tls_key=_file(settings, wanted.tls_key),
        tls_by_proxy=wanted.tls_by_proxy,
    )
    source: Source = parts.load("otlp")(host_name(), options, positions.get("otlp"))
    return {"otlp": source}


def _file(settings: Settings, path: Path | None) -> Path | None:
    return None if path is None else settings.beside_file(path)


def _source(
    settings: Settings, wanted: Sequence[ServiceEndpoint], host: str, fetch: object
) -> Source:
    endpoint = parts.load("endpoint")
    endpoints = [
        endpoint(
            service.name,
            service.url,
            host=service.host or "",
            interval_s=service.interval_seconds,
            limit_s=service.timeout_seconds,
            token=settings.service_token(service),
        )
        for service in wanted
    ]
    source: Source = parts.load("services")(host, endpoints, fetch)
    return source
