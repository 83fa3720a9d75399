"""GPU readings: the fields of `nvidia-smi --query-gpu` by their own names, values as printed.

Field names and units: `nvidia-smi --help-query-gpu`. `[N/A]`, `[Not Supported]`, `[Unknown Error]`,
`[GPU requires reset]` and whatever else is no number make the metric unknown for that reason.
Fields that hardly ever move come only when they changed, and once a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from boxwatch.events import instants, readings
from boxwatch.events.ndjson import Records
from boxwatch.events.quarantine import gather
from boxwatch.events.readings import Field
from boxwatch.events.schema import Events

_MIB: Final = 1024.0 * 1024.0
_BLANK: Final = "[nothing printed]"

# metric, form, nvidia-smi field, then older names of it or lesser substitutes. A `*` stands for
# both names of one group: clocks_event_reasons, and clocks_throttle_reasons before driver 535.
_TABLE: Final = """
temperature_celsius                  number  temperature.gpu
memory_temperature_celsius           number  temperature.memory
utilization_ratio                    percent utilization.gpu
memory_utilization_ratio             percent utilization.memory
memory_used_bytes                    mebi    memory.used
memory_total_bytes                   mebi    memory.total
memory_free_bytes                    mebi    memory.free
memory_reserved_bytes                mebi    memory.reserved
temperature_headroom_celsius         number  temperature.gpu.tlimit
power_draw_watts                     number  power.draw.instant power.draw power.draw.average
power_average_watts                  number  power.draw.average
power_limit_watts                    number  enforced.power.limit power.limit
fan_speed_ratio                      percent fan.speed
clock_sm_hertz                       mega    clocks.current.sm clocks.sm
clock_sm_max_hertz                   mega    clocks.max.sm
clock_graphics_hertz                 mega    clocks.current.graphics clocks.gr
clock_memory_hertz                   mega    clocks.current.memory clocks.mem
clock_memory_max_hertz               mega    clocks.max.memory clocks.max.mem
pstate                               pstate  pstate
pcie_generation                      number  pcie.link.gen.current pcie.link.gen.gpucurrent
pcie_generation_max                  number  pcie.link.gen.max
pcie_generation_card_max             number  pcie.link.gen.gpumax
pcie_generation_host_max             number  pcie.link.gen.hostmax
pcie_width_lanes                     number  pcie.link.width.current
pcie_width_max_lanes                 number  pcie.link.width.max
pcie_replay_total                    number  nvml.pcie_replay_counter
throttle_active_bits                 bits    *.active
throttle_hw_thermal_seconds_total    micro   *_counters.hw_thermal_slowdown
throttle_hw_power_brake_seconds_total micro   *_counters.hw_power_brake_slowdown
throttle_sw_thermal_seconds_total    micro   *_counters.sw_thermal_slowdown
throttle_sw_power_cap_seconds_total  micro   *_counters.sw_power_cap
throttle_sync_boost_seconds_total    micro   *_counters.sync_boost
ecc_corrected_total                  number  ecc.errors.corrected.volatile.total
ecc_uncorrected_total                number  ecc.errors.uncorrected.volatile.total
ecc_corrected_dram_total             number  ecc.errors.corrected.volatile.dram
ecc_corrected_sram_total             number  ecc.errors.corrected.volatile.sram
ecc_uncorrected_dram_total           number  ecc.errors.uncorrected.volatile.dram
ecc_uncorrected_sram_total           number  ecc.errors.uncorrected.volatile.sram
ecc_corrected_lifetime_total         number  ecc.errors.corrected.aggregate.total
ecc_corrected_lifetime_dram_total    number  ecc.errors.corrected.aggregate.dram
ecc_corrected_lifetime_sram_total    number  ecc.errors.corrected.aggregate.sram
ecc_uncorrected_lifetime_total       number  ecc.errors.uncorrected.aggregate.total
ecc_uncorrected_lifetime_dram_total  number  ecc.errors.uncorrected.aggregate.dram
ecc_uncorrected_lifetime_sram_total  number  ecc.errors.uncorrected.aggregate.sram
ecc_sram_lifetime_parity_total       number  ecc.errors.uncorrected.aggregate.sram.parity
ecc_sram_lifetime_secded_total       number  ecc.errors.uncorrected.aggregate.sram.secded
ecc_sram_lifetime_l2_total           number  ecc.errors.uncorrected.aggregate.sram.l2
ecc_sram_lifetime_sm_total           number  ecc.errors.uncorrected.aggregate.sram.sm
ecc_sram_lifetime_mcu_total          number  ecc.errors.uncorrected.aggregate.sram.mcu
ecc_sram_lifetime_pcie_total         number  ecc.errors.uncorrected.aggregate.sram.pcie
ecc_sram_lifetime_other_total        number  ecc.errors.uncorrected.aggregate.sram.other
ecc_sram_threshold_exceeded          flag    ecc.errors.uncorrected.aggregate.sram.thresholdExceeded
ecc_enabled                          flag    ecc.mode.current
ecc_enabled_pending                  flag    ecc.mode.pending
remapped_rows_correctable            number  remapped_rows.correctable remapped_rows.sbe
remapped_rows_uncorrectable          number  remapped_rows.uncorrectable remapped_rows.dbe
remapped_rows_correctable_inactive   number  remapped_rows.correctable_inactive
remapped_rows_uncorrectable_inactive number  remapped_rows.uncorrectable_inactive
remapped_rows_pending                flag    remapped_rows.pending
remapped_rows_failure                flag    remapped_rows.failure
memory_banks_spares_full             number  remapped_rows.histogram.max
memory_banks_spares_high             number  remapped_rows.histogram.high
memory_banks_spares_partial          number  remapped_rows.histogram.partial
memory_banks_spares_low              number  remapped_rows.histogram.low
memory_banks_spares_none             number  remapped_rows.histogram.none
retired_pages_single_bit             number  retired_pages.single_bit_ecc.count retired_pages.sbe
retired_pages_double_bit             number  retired_pages.double_bit.count retired_pages.dbe
retired_pages_pending                flag    retired_pages.pending
inforom_valid                        flag    inforom.checksum_validation
persistence_enabled                  flag    persistence_mode
system_processor_enabled             flag    gsp.mode.current
mig_enabled                          flag    mig.mode.current
fabric_state                         fabric  fabric.state
fabric_failed                        failed  fabric.status
fabric_unhealthy                     health  fabric.health.summary
fabric_bandwidth_degraded            health  fabric.health.bandwidth
fabric_route_recovering              health  fabric.health.route_recovery_in_progress
fabric_route_unhealthy               health  fabric.health.route_unhealthy
fabric_access_recovering             health  fabric.health.access_timeout_recovery
fabric_misconfigured                 health  fabric.health.incorrect_configuration
recovery_action                      action  gpu_recovery_action
compute_processes                    number  compute_processes
"""

_FLAGS: Final = {
    **dict.fromkeys(("no", "0", "false", "disabled", "invalid", "corrupted"), 0.0),
    **dict.fromkeys(("yes", "1", "true", "enabled", "valid"), 1.0),
}
# nvmlGpuFabricState_t and the health mask beside it, by the words nvidia-smi prints for them.
_FABRIC_STATES: Final = {
    "not supported": 0.0,
    "not started": 1.0,
    "in progress": 2.0,
    "completed": 3.0,
}
_FABRIC_STATUS: Final = {"success": 0.0, "failure": 1.0, "failed": 1.0}
_FABRIC_HEALTH: Final = {
    **dict.fromkeys(("healthy", "full", "none", "false", "no"), 0.0),
    **dict.fromkeys(("unhealthy", "limited capacity", "degraded", "true", "yes"), 1.0),
}
# nvmlDeviceGpuRecoveryAction_t, by the words nvidia-smi prints for it.
_ACTIONS: Final = {
    "none": 0.0,
    "reset": 1.0,
    "gpu reset": 1.0,
    "reset gpu": 1.0,
    "reboot": 2.0,
    "node reboot": 2.0,
    "reboot node": 2.0,
    "drain p2p": 3.0,
    "drain and reset": 4.0,
    "recover imex": 5.0,
    "bus reset": 6.0,
    "system reboot": 7.0,
    **{str(action): float(action) for action in range(8)},
}


def _named(words: Mapping[str, float]) -> readings.Parser:
    def parse(texts: pl.Series) -> pl.Series:
        plain = texts.str.strip_chars().str.to_lowercase()
        return plain.replace_strict(words, default=None, return_dtype=pl.Float64)

    return parse


def _pstate(texts: pl.Series) -> pl.Series:
    return texts.str.extract(r"^\s*P?(\d{1,2})\s*$").cast(pl.Float64, strict=False)


def _bits(texts: pl.Series) -> pl.Series:
    digits = texts.str.extract(r"^\s*0[xX]([0-9a-fA-F]{1,16})\s*$")
    written = digits.str.to_integer(base=16, dtype=pl.UInt64, strict=False)
    return written.cast(pl.Float64).fill_null(texts.cast(pl.Float64, strict=False))


_FORMS: Final[Mapping[str, tuple[readings.Parser, float]]] = {
    "number": (readings.number, 1.0),
    "percent": (readings.number, 0.01),
    "mebi": (readings.number, _MIB),
    "mega": (readings.number, 1e6),
    "micro": (readings.number, 1e-6),
    "flag": (_named(_FLAGS), 1.0),
    "fabric": (_named(_FABRIC_STATES), 1.0),
    "failed": (_named(_FABRIC_STATUS), 1.0),
    "health": (_named(_FABRIC_HEALTH), 1.0),
    "action": (_named(_ACTIONS), 1.0),
    "pstate": (_pstate, 1.0),
    "bits": (_bits, 1.0),
}


def _fields(table: str) -> list[Field]:
    fields = []
    for line in table.strip().splitlines():
        metric, form, *names = line.split()
        columns = [
            name.replace("*", group)
            for name in names
            for group in ("clocks_event_reasons", "clocks_throttle_reasons")
        ]
        parse, factor = _FORMS[form]
        fields.append(Field(metric, tuple(dict.fromkeys(columns)), parse, factor))
    return fields


FIELDS: Final = _fields(_TABLE)

COLUMNS: Final = (
    "host",
    "collected_at",
    "index",
    *dict.fromkeys(column for field in FIELDS for column in field.columns),
)


def normalise(records: Records) -> Events:
    """The samples of GPU readings, entity `gpu:<index>`, in base units."""
    frame = records.frame.with_columns(
        instants.from_written(pl.col("collected_at")).alias("time"),
        pl.col("host").fill_null(records.chunk.host),
        ("gpu:" + pl.col("index").str.extract(r"^\s*(\d{1,4})\s*$")).alias("entity"),
    )
    frame, aside = readings.with_entity(records, frame)
    read = readings.to_events(records, frame, FIELDS, "gpu")
    return Events(
        samples=read.samples.with_columns(pl.col("reason").replace("", _BLANK)),
        quarantined=gather([records.unreadable, *aside, read.quarantined]),
    )
