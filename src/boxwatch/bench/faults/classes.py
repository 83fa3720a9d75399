"""The classes of faults that the bench counts, and what of the log each of them stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from boxwatch.sources.simulated import SERVER_FAULTS, Build, FaultKind


@dataclass(frozen=True, slots=True)
class FaultClass:
    """One class. A `sudden` one shows at once; the others build up.

    `logged` are its names in the fault log, none where the log has nothing like it. `needs` is
    what a card must have: `ecc`, `nvlink` or nothing.
    """

    name: str
    sudden: bool
    logged: tuple[str, ...] = ()
    needs: str = ""

    @property
    def kind(self) -> FaultKind:
        """What it does to a simulated machine."""
        return SERVER_FAULTS[self.name]

    def fits(self, build: Build) -> bool:
        """Whether such a machine can have it."""
        return {"": True, "ecc": build.card.ecc, "nvlink": build.card.nvlink}[self.needs]


CLASSES: Final = (
    FaultClass("ecc_uncorrected", True, ("GPU DBE(Double Bit ECC) > Threshold",), "ecc"),
    FaultClass("ecc_contained", True, ("GPU xid Error",), "ecc"),
    FaultClass("retirement_pending", True, needs="ecc"),
    FaultClass("gpu_off_bus", True, ("GPU Lost",)),
    FaultClass("gpu_missing", True, ("GPU device not found",)),
    FaultClass("gpu_unknown_error", True, ("GPU device unknow error",)),
    FaultClass("nvlink_error", True, ("GPU P2P Bandwidth Low",), "nvlink"),
    FaultClass("smi_hang", True, ("nvidia-smi Timeout",)),
    FaultClass("driver_mismatch", True, ("Firmware mismatch",)),
    FaultClass("power_brake", True, ("Power Supply Failure detected", "Redundancy Lost")),
    FaultClass("power_cap", True),
    FaultClass("clock_stuck", True),
    FaultClass("stuck_inference", True),
    FaultClass("pcie_downtraining", True, ("GPU PCI link width low",)),
    FaultClass("thermal_slowdown", False, ("Speed Critical (Sensor)", "GPU Temperature High")),
    FaultClass("ecc_storm", False, ("GPU SBE(Single Bit ECC) > Threshold",), "ecc"),
    FaultClass("vram_leak", False),
    FaultClass("gray_card", False, ("Suspect Machine Offline",)),
)
BY_NAME: Final = {one.name: one for one in CLASSES}
