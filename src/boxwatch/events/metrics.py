"""Every metric Boxwatch knows: its name, what it belongs to, whether it counts up, what it means.

Base units, as Prometheus asks: seconds, bytes, hertz, watts, celsius, ratio 0-1. A name that ends
in `_total` is a counter; everything else is a gauge. Sources and the simulated box emit these
names; features read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `entity` is the part before the colon of the entities that carry it."""

    name: str
    entity: str
    help: str

    @property
    def counter(self) -> bool:
        """True if the value only grows, except at a reset."""
        return self.name.endswith("_total")


_TABLE: Final = """
gpu temperature_celsius                 GPU core temperature
gpu memory_temperature_celsius          GPU memory temperature
gpu utilization_ratio                   share of time a kernel was running
gpu memory_utilization_ratio            share of time memory was read or written
gpu memory_used_bytes                   device memory in use
gpu memory_total_bytes                  device memory installed
gpu memory_free_bytes                   device memory that can be allocated
gpu memory_reserved_bytes               device memory that the driver keeps for itself
gpu temperature_headroom_celsius        degrees left until the GPU slows itself down
gpu power_draw_watts                    power drawn
gpu power_average_watts                 power drawn, averaged by the driver over a second
gpu power_limit_watts                   enforced power limit
gpu fan_speed_ratio                     fan speed as share of its maximum
gpu clock_sm_hertz                      streaming multiprocessor clock
gpu clock_sm_max_hertz                  highest streaming multiprocessor clock
gpu clock_graphics_hertz                graphics clock
gpu clock_memory_hertz                  memory clock
gpu clock_memory_max_hertz              highest memory clock
gpu pstate                              performance state, 0 (fastest) to 15
gpu pcie_generation                     PCIe generation in use
gpu pcie_generation_max                 highest PCIe generation of card and slot
gpu pcie_generation_card_max            highest PCIe generation of the card
gpu pcie_generation_host_max            highest PCIe generation of its slot
gpu pcie_width_lanes                    PCIe lanes in use
gpu pcie_width_max_lanes                most PCIe lanes of card and slot
gpu pcie_replay_total                   PCIe packets sent again for errors on the link
gpu throttle_active_bits                clock event reasons in force, as NVML bits
gpu throttle_hw_thermal_seconds_total       time slowed by hardware for heat
gpu throttle_hw_power_brake_seconds_total   time slowed by the external power brake
gpu throttle_sw_thermal_seconds_total       time slowed by the driver for heat
gpu throttle_sw_power_cap_seconds_total     time slowed by the power cap
gpu throttle_sync_boost_seconds_total       time slowed by sync boost
gpu ecc_corrected_total                 corrected memory errors since the driver was loaded
gpu ecc_uncorrected_total               uncorrected memory errors since the driver was loaded
gpu ecc_corrected_dram_total            corrected errors in DRAM since the driver was loaded
gpu ecc_corrected_sram_total            corrected errors in caches since the driver was loaded
gpu ecc_uncorrected_dram_total          uncorrected errors in DRAM since the driver was loaded
gpu ecc_uncorrected_sram_total          uncorrected errors in caches since the driver was loaded
gpu ecc_corrected_lifetime_total        corrected memory errors in the life of the card
gpu ecc_corrected_lifetime_dram_total   corrected errors in device memory in the life of the card
gpu ecc_corrected_lifetime_sram_total   corrected errors in caches in the life of the card
gpu ecc_uncorrected_lifetime_total      uncorrected memory errors in the life of the card
gpu ecc_uncorrected_lifetime_dram_total uncorrected errors in device memory in the life of the card
gpu ecc_uncorrected_lifetime_sram_total uncorrected errors in caches in the life of the card
gpu ecc_sram_lifetime_parity_total      cache errors found by parity in the life of the card
gpu ecc_sram_lifetime_secded_total      cache errors found by SEC-DED codes in the life of the card
gpu ecc_sram_lifetime_l2_total          cache errors in the L2 cache in the life of the card
gpu ecc_sram_lifetime_sm_total          cache errors in multiprocessors in the life of the card
gpu ecc_sram_lifetime_mcu_total         cache errors in microcontrollers in the life of the card
gpu ecc_sram_lifetime_pcie_total        cache errors in the PCIe unit in the life of the card
gpu ecc_sram_lifetime_other_total       cache errors elsewhere in the life of the card
gpu ecc_sram_threshold_exceeded         1 if cache errors passed the limit for replacing the card
gpu ecc_enabled                         1 if memory errors are corrected
gpu ecc_enabled_pending                 1 if they will be after the next restart
gpu remapped_rows_correctable           memory rows remapped for corrected errors
gpu remapped_rows_uncorrectable         memory rows remapped for uncorrected errors
gpu remapped_rows_correctable_inactive      such rows that wait for a reset
gpu remapped_rows_uncorrectable_inactive    such rows that wait for a reset
gpu remapped_rows_pending               1 if a row remap waits for a reset
gpu remapped_rows_failure               1 if a row remap failed
gpu memory_banks_spares_full            memory banks with all their spare rows
gpu memory_banks_spares_high            memory banks with most of their spare rows
gpu memory_banks_spares_partial         memory banks with some of their spare rows
gpu memory_banks_spares_low             memory banks with few spare rows
gpu memory_banks_spares_none            memory banks without a spare row
gpu retired_pages_single_bit            memory pages retired for corrected errors
gpu retired_pages_double_bit            memory pages retired for uncorrected errors
gpu retired_pages_pending               1 if a page retirement waits for a reset
gpu recovery_action                     the driver's verdict: 0 none, 1 reset, 2 reboot, 3-7 others
gpu inforom_valid                       1 if the checksum of the card's own data is right
gpu persistence_enabled                 1 if the driver stays loaded without a client
gpu system_processor_enabled            1 if the card's system processor (GSP) is in use
gpu mig_enabled                         1 if the card is split into instances
gpu mig_memory_used_bytes               device memory in use of an instance of the card (MIG)
gpu mig_memory_total_bytes              device memory of an instance of the card
gpu mig_memory_free_bytes               device memory of an instance that can be allocated
gpu mig_multiprocessors                 streaming multiprocessors of an instance of the card
gpu mig_ecc_uncorrected_sram_total      uncorrected errors in caches of an instance of the card
gpu fabric_state                        NVLink fabric: 0 none, 1 not started, 2 joining, 3 joined
gpu fabric_failed                       1 if joining the NVLink fabric failed
gpu fabric_unhealthy                    1 if the NVLink fabric is unhealthy or of limited capacity
gpu fabric_bandwidth_degraded           1 if the NVLink fabric has less than full bandwidth
gpu fabric_route_recovering             1 while routes of the NVLink fabric are recovered
gpu fabric_route_unhealthy              1 if a route of the NVLink fabric is unhealthy
gpu fabric_access_recovering            1 while accesses that timed out are recovered
gpu fabric_misconfigured                1 if the NVLink fabric is configured wrongly
gpu compute_processes                   processes computing on the GPU
host cpu_cores                          logical processors
host cpu_busy_seconds_total             processor time not idle, all cores
host cpu_iowait_seconds_total           processor time waiting for I/O, all cores
host cpu_steal_seconds_total            processor time taken by the hypervisor
host cpu_busiest_core_ratio             share of its time that the busiest core worked
host cpu_cores_saturated                cores that worked more than 95 % of their time
host load1                              load average over one minute
host load5                              load average over five minutes
host processes_alive                    processes alive
host processes_running                  processes ready to run
host processes_blocked                  processes in uninterruptible sleep
host processes_zombie                   processes that ended and wait for their parent
host threads_alive                      threads alive
host file_handles_open                  file handles in use
host file_handles_limit                 most file handles that may be in use
host memory_total_bytes                 memory installed
host memory_available_bytes             memory that could be given to programs
host memory_cached_bytes                page cache
host memory_shared_bytes                memory shared between processes, /dev/shm and tmpfs
host memory_slab_bytes                  memory the kernel uses for its own objects
host memory_dirty_bytes                 memory that waits to be written to disks
host memory_huge_pages_bytes            memory set aside as huge pages of the default size
host memory_errors_corrected_total      corrected memory errors since boot
host memory_errors_uncorrected_total    uncorrected memory errors since boot
host oom_kills_total                    processes killed for want of memory since boot
host swap_total_bytes                   swap space
host swap_used_bytes                    swap space in use
host swap_in_bytes_total                bytes read back from swap
host swap_out_bytes_total               bytes written to swap
host pressure_cpu_seconds_total         time some task waited for a processor
host pressure_memory_seconds_total      time some task waited for memory
host pressure_io_seconds_total          time some task waited for I/O
host pressure_memory_full_seconds_total time all tasks waited for memory at once
host pressure_io_full_seconds_total     time all tasks waited for I/O at once
host tcp_segments_sent_total            TCP segments sent
host tcp_retransmits_total              TCP segments sent again
host conntrack_entries                  connections the kernel tracks
host conntrack_limit                    most connections the kernel tracks
host uptime_seconds                     time since boot
host clock_monotonic_seconds            the monotonic clock, read together with the wall clock
host clock_offset_seconds               how far its clock is ahead of the one of the watcher
cpu core_busy_ratio                     share of its time that a core worked
disk read_bytes_total                   bytes read
disk written_bytes_total                bytes written
disk reads_total                        reads completed
disk writes_total                       writes completed
disk busy_seconds_total                 time with I/O in flight
disk wait_seconds_total                 sum over operations of the time each took
fs size_bytes                           file system size
fs available_bytes                      room for ordinary users
fs inodes                               inodes in all
fs inodes_free                          inodes free
net received_bytes_total                bytes received
net sent_bytes_total                    bytes sent
net received_packets_total              packets received
net sent_packets_total                  packets sent
net errors_total                        packets with errors, both ways
net drops_total                         packets dropped, both ways
sensor sensor_celsius                   temperature of a sensor
sensor sensor_rpm                       turns of a fan in a minute
sensor sensor_watts                     power at a sensor
sensor sensor_joules_total              energy used by processors or memory
service answers                         1 its metrics endpoint answers, 0 not
service tokens_generated_total          tokens generated
service tokens_prompt_total             tokens of prompts read
service steps_total                     passes of the engine, or tokens where it counts no passes
service requests_running                requests being worked on
service requests_waiting                requests waiting to be worked on
service requests_finished_total         requests finished, however they ended
service requests_failed_total           requests that failed
service kv_cache_used_ratio             share of the key-value cache in use
service first_token_seconds_total       sum over requests of the time to the first token
service first_tokens_total              requests that were given a first token
service request_seconds_total           sum over requests of the time from end to end
service requests_timed_total            requests whose time that sum holds
service gpu_memory_used_bytes           device memory its processes hold
service memory_anonymous_bytes          memory its processes hold, without cached files
source up                               1 the source answers, 0 it fails, null it is not here
"""


def _read(table: str) -> dict[str, Metric]:
    metrics = {}
    for line in table.strip().splitlines():
        entity, name, text = line.split(maxsplit=2)
        metrics[name] = Metric(name, entity, text)
    return metrics


METRICS: Final[dict[str, Metric]] = _read(_TABLE)
