"""Which disks, file systems, interfaces and sensors are real, and what they are called."""

from boxwatch.sources import devices, sensors

HWMON = "sys/class/hwmon"


def test_disks_are_whole_and_real():
    """Partitions, loops, memory disks and stacked devices are left out."""
    backed = frozenset({"sda", "nvme0n1", "sr0", "mmcblk0boot0"})
    names = ["sda", "sda1", "nvme0n1", "nvme0n1p1", "dm-0", "loop0", "zram0", "sr0", "mmcblk0boot0"]
    assert {name for name in names if devices.is_disk(name, backed)} == {"sda", "nvme0n1"}


def test_disks_are_known_by_name_where_sys_is_missing():
    """A container without /sys: the names tell."""
    names = ["vda", "vda1", "nvme1n1", "nvme1n1p2", "loop3", "md0"]
    assert [name for name in names if devices.is_disk(name, None)] == ["vda", "nvme1n1"]


def test_only_hardware_interfaces_count():
    """Bridges and veth pairs repeat what the card counts; without a card all but lo count."""
    assert [n for n in ("lo", "eth0", "veth1") if devices.is_link(n, frozenset({"eth0"}))] == [
        "eth0"
    ]
    assert [n for n in ("lo", "veth1") if devices.is_link(n, frozenset())] == ["veth1"]


def test_owners_are_the_folders_that_lead_to_hardware():
    """The name stands before the last part of each path."""
    listed = "sys/block/sda/device\nsys/block/nvme0n1/device\n"
    assert devices.owners(listed) == {"sda", "nvme0n1"}


MOUNTS = (
    "/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/sda1 /srv/bind ext4 rw 0 0\n"
    "nas:/x /mnt/nas nfs4 rw 0 0\nnas:/x /mnt/again nfs4 rw 0 0\n"
    "/dev/sdb1 /mnt/my\\040disk xfs rw 0 0\nsystemd-1 /auto autofs rw 0 0\n"
    "overlay /var/lib/docker/overlay2/1/merged overlay rw 0 0\nbroken\n"
)


def test_local_file_systems_are_named_once():
    """Memory, repeated mounts and containers' layers are left out; names stay escaped."""
    assert devices.local_points(devices.mounts(MOUNTS)) == ["/", "/mnt/my\\040disk"]


def test_far_file_systems_are_apart():
    """What may never answer is asked apart; an automount point is not touched."""
    assert devices.far_points(devices.mounts(MOUNTS)) == ["/mnt/nas"]


def test_few_far_file_systems_are_asked():
    """A node with hundreds of mounts does not start hundreds of questions."""
    many = "".join(f"nas:/{n} /pv/{n} nfs rw 0 0\n" for n in range(300))
    assert len(devices.far_points(devices.mounts(many))) == 16


def test_the_overlay_of_a_container_is_its_root():
    """Inside a container the root is what it sees of its disk."""
    assert devices.local_points(devices.mounts("overlay / overlay rw 0 0\n")) == ["/"]


def test_room_in_bytes():
    """Blocks times their size; inodes as they are."""
    assert devices.room("4096 100 25 1000 900\n") == {
        "size_bytes": 409600,
        "available_bytes": 102400,
        "inodes": 1000,
        "inodes_free": 900,
    }


def test_room_that_is_refused_says_why():
    """The last part of a tool's complaint is the reason."""
    said = "stat: cannot read file system information for '/x': Stale file handle"
    assert devices.room(said)["size_bytes"] == "statvfs: Stale file handle"
    assert devices.room("")["size_bytes"] == "statvfs: no answer"


def test_sensors_are_named_by_chip_and_label():
    """Two chips of one name are told apart by their device, which survives a reboot."""
    found = {
        f"{HWMON}/hwmon0/name": "coretemp\n",
        f"{HWMON}/hwmon0/temp1_label": "Package id 0\n",
        f"{HWMON}/hwmon1/name": "nvme",
        f"{HWMON}/hwmon2/name": "nvme",
        f">{HWMON}/hwmon*/device": f"{HWMON}/hwmon1/device nvme0\n{HWMON}/hwmon2/device nvme1\n",
        f"?{HWMON}/hwmon*/temp*_input": "".join(
            f"{HWMON}/hwmon{n}/temp1_input\n" for n in (0, 1, 2)
        ),
        f"?{HWMON}/hwmon*/fan*_input": f"{HWMON}/hwmon0/fan2_input\n",
    }
    entities = {sensor.entity: sensor.metric for sensor in sensors.survey(found).values()}
    assert entities == {
        "sensor:coretemp/Package id 0": "sensor_celsius",
        "sensor:coretemp/fan2": "sensor_rpm",
        "sensor:nvme-nvme0/temp1": "sensor_celsius",
        "sensor:nvme-nvme1/temp1": "sensor_celsius",
    }


def test_thermal_zones_stand_in_for_chips():
    """A board without temperatures of chips shows its thermal zones."""
    zones = {f"sys/class/thermal/thermal_zone{n}/type": "acpitz\n" for n in (0, 1)}
    found = sensors.survey(zones)
    sensor = found["sys/class/thermal/thermal_zone0/temp"]
    assert sensor.entity == "sensor:acpitz-thermal_zone0"
    assert sensor.read("27800\n") == {"sensor_celsius": 27.8}
    assert len(found) == 2


def test_energy_of_processors_is_a_counter():
    """RAPL zones are named; those of one name by their folder."""
    names = {"sys/class/powercap/intel-rapl:0/name": "package-0\n"}
    (sensor,) = sensors.survey(names).values()
    assert sensor.entity == "sensor:rapl/package-0"
    assert sensor.read("2500000") == {"sensor_joules_total": 2.5}


def test_power_is_read_once():
    """A meter that shows its power and its average counts once."""
    files = {
        f"?{HWMON}/hwmon*/power*_{e}": f"{HWMON}/hwmon0/power1_{e}" for e in ("input", "average")
    }
    assert list(sensors.survey(files)) == [f"{HWMON}/hwmon0/power1_input"]


def test_a_sensor_that_says_no_number_is_unknown():
    """A reading that is not understood is unknown."""
    assert sensors.Sensor("sensor:x", "sensor_rpm", 1).read("oops") == {
        "sensor_rpm": "not a number"
    }
