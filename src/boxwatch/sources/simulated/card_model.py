"""What a machine is built of: its cards, how many, and how hard it works.

Readings at rest and under load, limits and what a card does not report were read off real
`nvidia-smi` output (captures that come with nvidia_gpu_exporter, MIT licence): RTX 2080 SUPER
(driver 595.71), RTX 4080 SUPER (595.71), L40S (595.80), H100 80GB HBM3 and H200 (590.48). What a
capture does not show, as the heat of an RTX card at its limit, is estimated; each entry says what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CardModel:
    """A kind of card.

    `cooling` is its thermal resistance, of that of the RTX 6000 Ada. `floor_w` is drawn by a card
    that is awake, `rest_w` by one that sleeps. `share` is the part of the services' device memory
    that fits on it. Cards without `fan` are cooled by the chassis; those without `ecc` count no
    memory errors.
    """

    name: str
    driver: str
    memory_mib: int
    reserved_mib: int
    limit_w: float
    floor_w: float
    rest_w: float
    sm_max_mhz: int
    sm_work_mhz: float
    sm_idle_mhz: float
    memory_mhz: int
    memory_idle_mhz: int
    cooling: float
    slow_c: float
    pstates: tuple[int, int]  # at work, at rest
    generation: int
    sleepy_link: bool  # the link of an idle card goes to its first generation
    fan: bool = True
    ecc: bool = True
    nvlink: bool = False
    engine_mib: float = 40110.0  # what vllm takes
    share: float = 1.0


RTX_6000_ADA: Final = CardModel(
    name="NVIDIA RTX 6000 Ada Generation",  # no capture: data sheet; 78 C at full load is estimated
    driver="570.148.08",
    memory_mib=46068,
    reserved_mib=609,
    limit_w=300.0,
    floor_w=56.0,
    rest_w=19.0,
    sm_max_mhz=3105,
    sm_work_mhz=2745.0,
    sm_idle_mhz=210.0,
    memory_mhz=10001,
    memory_idle_mhz=405,
    cooling=1.0,
    slow_c=90.0,
    pstates=(2, 8),
    generation=4,
    sleepy_link=True,
)
RTX_2080_SUPER: Final = CardModel(
    name="NVIDIA GeForce RTX 2080 SUPER",  # capture: 33-40 C and 36-39 W at rest, 98-112 W encoding
    driver="595.71.05",
    memory_mib=8192,
    reserved_mib=408,
    limit_w=250.0,
    floor_w=54.0,
    rest_w=37.0,
    sm_max_mhz=2145,
    sm_work_mhz=2055.0,
    sm_idle_mhz=300.0,
    memory_mhz=7500,
    memory_idle_mhz=405,
    cooling=1.1,  # estimated: some 75 C at full load
    slow_c=88.0,
    pstates=(2, 8),
    generation=3,
    sleepy_link=True,
    ecc=False,
    engine_mib=6900.0,
    share=0.22,
)
RTX_4080_SUPER: Final = CardModel(
    name="NVIDIA GeForce RTX 4080 SUPER",  # capture: 43 C and 26 W at rest, 84 W encoding
    driver="595.71.05",
    memory_mib=16376,
    reserved_mib=434,
    limit_w=320.0,
    floor_w=48.0,
    rest_w=26.0,
    sm_max_mhz=3165,
    sm_work_mhz=2805.0,
    sm_idle_mhz=210.0,
    memory_mhz=11251,
    memory_idle_mhz=405,
    cooling=0.78,  # estimated: some 65 C at full load
    slow_c=88.0,
    pstates=(2, 8),
    generation=4,
    sleepy_link=True,
    ecc=False,
    engine_mib=14100.0,
    share=0.45,
)
L40S: Final = CardModel(
    name="NVIDIA L40S",  # capture: 37 W and 54 C at rest, 63 C after load, slow at 88 C (tlimit)
    driver="595.80",
    memory_mib=46068,
    reserved_mib=609,
    limit_w=350.0,
    floor_w=66.0,
    rest_w=37.0,
    sm_max_mhz=2520,
    sm_work_mhz=2520.0,
    sm_idle_mhz=210.0,
    memory_mhz=9001,
    memory_idle_mhz=405,
    cooling=0.95,
    slow_c=88.0,
    pstates=(0, 8),
    generation=4,
    sleepy_link=True,
    fan=False,
)
H100: Final = CardModel(
    name="NVIDIA H100 80GB HBM3",  # capture: 69 W, 41 C, 345 MHz idle; 634 W, 59-65 C, 1980 MHz
    driver="590.48.01",
    memory_mib=81559,
    reserved_mib=479,
    limit_w=700.0,
    floor_w=112.0,
    rest_w=69.0,
    sm_max_mhz=1980,
    sm_work_mhz=1980.0,
    sm_idle_mhz=345.0,
    memory_mhz=2619,
    memory_idle_mhz=2619,
    cooling=0.42,
    slow_c=87.0,
    pstates=(0, 0),
    generation=5,
    sleepy_link=False,
    fan=False,
    nvlink=True,
    engine_mib=71700.0,
)
H200: Final = CardModel(
    name="NVIDIA H200",  # capture: 77 W, 28 C, 345 MHz idle; 630 W, 52-54 C, 1980 MHz
    driver="590.48.01",
    memory_mib=143771,
    reserved_mib=614,
    limit_w=700.0,
    floor_w=118.0,
    rest_w=77.0,
    sm_max_mhz=1980,
    sm_work_mhz=1980.0,
    sm_idle_mhz=345.0,
    memory_mhz=3201,
    memory_idle_mhz=3201,
    cooling=0.33,
    slow_c=87.0,
    pstates=(0, 0),
    generation=5,
    sleepy_link=False,
    fan=False,
    nvlink=True,
    engine_mib=126500.0,
)


@dataclass(frozen=True, slots=True)
class Build:
    """A machine: `gpus` cards of one kind, a room, and how much is asked of it.

    The first card serves ollama, the second vllm, all others one training job. `demand` is how
    often people ask, of what they do on an ordinary day. `room_c` is the air at the intake.
    """

    name: str
    card: CardModel
    gpus: int = 2
    demand: float = 1.0
    room_c: float = 25.5


WORKSTATION: Final = Build("workstation", RTX_6000_ADA)

BUILDS: Final[dict[str, Build]] = {
    build.name: build
    for build in (
        WORKSTATION,
        Build("consumer", RTX_4080_SUPER, demand=0.6),
        Build("idle", RTX_2080_SUPER, demand=0.1, room_c=22.0),
        Build("inference", L40S, gpus=4, demand=1.7, room_c=24.0),
        Build("training", H100, gpus=8, demand=0.8, room_c=23.0),
        Build("busy", H200, gpus=4, demand=2.2, room_c=21.0),
    )
}
