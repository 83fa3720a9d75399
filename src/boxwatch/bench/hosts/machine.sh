# The boot of a small host, in namespaces of its own: $1 its folder, $2 its name, $3 its address.
# $4 is systemd, the others are folders that must be seen in it too. Its root is the machine's own
# files, read-only, below the folder image/ and a layer in memory that takes what is written; its
# journal, its containers and its home folders survive a reboot.
set -e
H=$1
R=$H/root
ip link set lo up
tries=0
until ip link set eth0 up 2>/dev/null; do tries=$((tries + 1)); [ $tries -lt 500 ]; sleep 0.02; done
ip address add "$3/16" dev eth0
hostname "$2"
mount -t tmpfs tmpfs "$H/layer"
mkdir "$H/layer/written" "$H/layer/work"
cp -a "$H/image" "$H/layer/image" # layers of one file system may not lie within each other
mount -t overlay overlay -o \
  "lowerdir=$H/layer/image:/,upperdir=$H/layer/written,workdir=$H/layer/work" "$R"
mount -t proc proc "$R/proc"
mount --bind "$H/boot_id" "$R/proc/sys/kernel/random/boot_id"
mount -t sysfs -o ro sysfs "$R/sys"
for one in run tmp var/tmp dev; do mount -t tmpfs tmpfs "$R/$one"; done
chmod 1777 "$R/tmp" "$R/var/tmp"
for one in null zero full random urandom tty; do
  touch "$R/dev/$one"
  mount --bind "/dev/$one" "$R/dev/$one"
done
mkdir "$R/dev/pts" "$R/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$R/dev/pts"
ln -s pts/ptmx "$R/dev/ptmx"
ln -s /proc/self/fd "$R/dev/fd"
if [ -e "$H/cgroups/cgroup2" ]; then
  mount -t cgroup2 cgroup2 "$R/sys/fs/cgroup"
else
  mount -t tmpfs tmpfs "$R/sys/fs/cgroup"
  for one in $(ls "$H/cgroups"); do
    mkdir "$R/sys/fs/cgroup/$one"
    case $one in
      unified) mount -t cgroup2 cgroup2 "$R/sys/fs/cgroup/$one" ;;
      systemd) mount -t cgroup -o none,name=systemd cgroup "$R/sys/fs/cgroup/$one" ;;
      *) mount -t cgroup -o "$one" cgroup "$R/sys/fs/cgroup/$one" ;;
    esac
  done
  [ ! -d "$R/sys/fs/cgroup/cpuacct" ] || mkdir "$R/sys/fs/cgroup/cpuacct/sessions"
fi
mkdir -p "$R/var/log/journal" "$R/var/lib/docker" "$R/home"
mount --bind "$H/journal" "$R/var/log/journal"
mount --bind "$H/docker" "$R/var/lib/docker"
mount --bind "$H/home" "$R/home"
SYSTEMD=$4
shift 4
for one; do
  [ -e "$R$one" ] || { mkdir -p "$R$one" && mount --bind -o ro "$one" "$R$one"; }
done
mkdir "$R/.machine"
cd "$R"
pivot_root . .machine
cd /
umount -l /.machine
exec env -i container=boxwatch PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  "$SYSTEMD" --system --unit=small-host.target --log-target=journal --show-status=no
