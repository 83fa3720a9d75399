"""The settings: one frozen tree. Every leaf has a default, a unit, a help text and its limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from boxwatch import units
from boxwatch.detections.detection import Severity

YEAR_SECONDS: Final = 366 * 86400


class Allowed:
    """Beside a setting's type: its `unit`, and in words what may stand there."""

    def __init__(self, unit: str, words: str) -> None:
        self.unit = unit
        self.words = words


def _between(least: float, most: float, unit: str) -> AfterValidator:
    def check(value: float) -> float:
        if not least <= value <= most:
            raise ValueError(f"must be from {least:g} to {most:g} {unit}")
        return value

    return AfterValidator(check)


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _seconds(value: str | float) -> float:
    return units.duration(value)


def _minutes(value: str | float) -> float:
    return units.duration(value, unit=60, name="minutes") / 60


def _days(value: str | float) -> float:
    return units.duration(value, unit=86400, name="days") / 86400


def _duration_words(unit: str, least: str, most: str) -> str:
    return f"{units.DURATIONS_ALLOWED.format(unit=unit)}; from {least} to {most}"


Interval = Annotated[
    float,
    BeforeValidator(_seconds),
    _between(0.1, 3600, "seconds"),
    Allowed("seconds", _duration_words("seconds", "0.1 s", "1 h")),
]
Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    _between(1, YEAR_SECONDS, "seconds"),
    Allowed("seconds", _duration_words("seconds", "1 s", "a year")),
]
Minutes = Annotated[
    float,
    BeforeValidator(_minutes),
    _between(0.01, YEAR_SECONDS / 60, "minutes"),
    Allowed("minutes", _duration_words("minutes", "1 s", "a year")),
]
Days = Annotated[
    float,
    BeforeValidator(_days),
    _between(0.01, 36600, "days"),
    Allowed("days", _duration_words("days", "15 m", "a hundred years")),
]
Size = Annotated[
    int,
    BeforeValidator(units.size),
    _between(2**20, 2**60, "bytes"),
    Allowed("bytes", f"{units.SIZES_ALLOWED}; at least 1 MiB"),
]
Switch = Annotated[bool, Allowed("", "true or false")]
Text = Annotated[str, Allowed("", "a text")]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_comma_separated),
    Allowed("", "a list of texts; in the environment, separated by commas"),
]
Folder = Annotated[Path, Allowed("", "a path")]
Count = Annotated[int, Field(ge=0, le=2**32 - 1), Allowed("", "a whole number from 0 to 2^32 - 1")]
Port = Annotated[int, Field(ge=1, le=65535), Allowed("", "a port number from 1 to 65535")]
Rate = Annotated[
    float,
    Field(gt=0, le=10_000, allow_inf_nan=False),
    Allowed("per host and week", "a number above 0, at most 10000"),
]


class Section(BaseModel):
    """A node of the tree: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Data(Section):
    """Where everything is kept, and for how long."""

    folder: Folder = Field(default=Path("boxwatch-data"), description="The data folder.")
    retention_days: Days = Field(default=30, description="Records older than this are removed.")
    retention_size: Size = Field(
        default=20 * 2**30,
        description="Beyond this size of the store, the oldest records are removed.",
    )


class DataCollection(Section):
    """What is read, and how often."""

    interval_seconds: Interval = Field(
        default=1, description="Time between two readings of the metrics."
    )
    baseline_duration_seconds: Seconds = Field(
        default=30, description="How long `up` learns what is normal before it judges."
    )
    collection_duration_minutes: Minutes | None = Field(
        default=None,
        description="How long `up` runs when --for is not given; none = until stopped.",
    )
    units: Names = Field(
        default=(),
        description="Systemd units to read, with what systemd says of them and the kernel's lines; "
        "empty = all of them.",
    )
    containers: Names = Field(
        default=(), description="Containers to read, by name; empty = all of them."
    )
    files: Names = Field(default=(), description="Log files to follow, as glob patterns.")


class SourceSwitch(Section):
    """One source."""

    enabled: Switch = Field(default=True, description="Whether this source is read.")


class DockerSwitch(SourceSwitch):
    """Containers."""

    socket: Text = Field(
        default="/var/run/docker.sock",
        description="Socket of the container engine: Docker's, podman's, or a read-only proxy's.",
    )


class HostSwitch(SourceSwitch):
    """Host metrics."""

    each_core: Switch = Field(
        default=False,
        description="Whether each core has readings of its own; else only how many are full.",
    )


class Sources(Section):
    """Which sources are read. One whose tool is missing says so once and does no harm."""

    journald: SourceSwitch = SourceSwitch()
    docker: DockerSwitch = DockerSwitch()
    nvidia: SourceSwitch = SourceSwitch()
    host: HostSwitch = HostSwitch()
    kernel: SourceSwitch = SourceSwitch()
    files: SourceSwitch = SourceSwitch()


class RuleOverride(Section):
    """What to change about one known-failure rule."""

    severity: Annotated[
        Severity | None, Allowed("", "info, low, medium, high or critical; none = as shipped")
    ] = Field(default=None, description="Severity of what the rule finds.")
    enabled: Switch = Field(default=True, description="Whether the rule is applied.")
    count: Annotated[
        int | None, Field(ge=1, le=100_000), Allowed("", "a whole number from 1; none = as shipped")
    ] = Field(
        default=None, description="From how many lines on it is a finding; for rules on lines."
    )
    within_seconds: Seconds | None = Field(
        default=None, description="The time within which those lines must come; none = as shipped."
    )


class Detections(Section):
    """How readily something is called unusual."""

    false_alarms_per_host_week: Rate = Field(
        default=1, description="The budget: false alarms accepted per host and week."
    )
    learning_minutes: Minutes = Field(
        default=30,
        description="How long a service is watched before its new errors, its bursts, its silence "
        "and the order of its lines are judged.",
    )
    learning_lines: Count = Field(
        default=20, description="Lines that a service must have written before they are judged."
    )
    learning_windows: Count = Field(
        default=60,
        description="Windows of ten seconds with lines that a service must have shown before its "
        "silence is judged.",
    )
    learning_cases: Annotated[
        int, Field(ge=5, le=10_000), Allowed("", "a whole number from 5 to 10000")
    ] = Field(
        default=20,
        description="Times that one line must have been followed by another before their order is "
        "judged.",
    )
    rules: Annotated[
        dict[str, RuleOverride],
        Allowed("", "a table: rule id -> severity, enabled, count, within_seconds"),
    ] = Field(default_factory=dict, description="Changes to known-failure rules, by rule id.")


class Models(Section):
    """How models are fitted."""

    seed: Count = Field(default=0, description="Seed of everything random; same data, same models.")
    courses: Switch = Field(
        default=False,
        description="Judge cards and hosts also by how their readings run over the last windows.",
    )
    keep: Count = Field(
        default=20,
        description="Versions whose training rows and artifacts are kept, beside those in use and "
        "what going back needs; 0 = all.",
    )
    study: Text | None = Field(
        default=None,
        description="The study of `boxwatch models tune` whose best options are trained with; "
        "none = the usual options.",
    )
    retrain_every: Days | None = Field(
        default=None,
        description="How often `boxwatch learn` trains anew whatever happened; the watcher then "
        "judges by a champion until the next one. none = only on drift, on labels and on command, "
        "and the watcher learns on by itself from a champion's second day.",
    )
    learn_from: Days = Field(
        default=14, description="Windows older than this are not learned from by `boxwatch learn`."
    )
    shadow_for: Annotated[
        float,
        BeforeValidator(_days),
        _between(0, 366, "days"),
        Allowed("days", _duration_words("days", "0", "a year")),
    ] = Field(
        default=0.25,
        description="How long a version scores beside the champion, its alarms kept apart, before "
        "`boxwatch learn` puts it in use; 0 = not at all.",
    )
    promotion: Annotated[Literal["automatic", "manual"], Allowed("", "automatic or manual")] = (
        Field(
            default="automatic",
            description="Whether `boxwatch learn` puts a version in use that was let through, or "
            "leaves that to a person (`boxwatch models promote`).",
        )
    )
    tracking_uri: Text | None = Field(
        default=None,
        description="The MLflow server that is told of models; none = MLFLOW_TRACKING_URI where "
        "that is set, else a file beside the models.",
    )


class Service(Section):
    """What is offered over HTTP."""

    metrics_host: Text = Field(
        default="127.0.0.1", description="Address the metrics are served on."
    )
    metrics_port: Port | None = Field(
        default=None, description="Port the metrics are served on; none = not served."
    )
    metrics_token: Annotated[
        SecretStr | None, Allowed("", "a secret; only from the environment")
    ] = Field(default=None, description="Bearer token that readers of the metrics must send.")
    metrics_token_file: Folder | None = Field(
        default=None, description="File that holds the bearer token, in place of the token itself."
    )


class Live(Section):
    """The rhythm of the loop."""

    batch_seconds: Interval = Field(default=5, description="Time between two writes to the store.")
    checkpoint_seconds: Seconds = Field(default=60, description="Time between two checkpoints.")
    lateness_seconds: Interval = Field(
        default=1,
        description="How long a record may take to come; one that comes later is kept and marked.",
    )


class Logging(Section):
    """Boxwatch's own log, on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Allowed("", "debug, info, warning or error"),
    ] = Field(default="warning", description="The least level that is written.")
    format: Annotated[Literal["text", "json"], Allowed("", "text or json")] = Field(
        default="text", description="How a line is written."
    )
