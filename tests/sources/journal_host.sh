# Runs in a private mount namespace: a real journald whose files and socket lie in $1.
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal "$1/log" "$1/sockets"
mount --bind "$1/log" /run/log/journal
mount --bind "$1/sockets" /run/systemd/journal
mount -t tmpfs tmpfs /etc/systemd
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nForwardToSyslog=no\nRateLimitIntervalSec=0\nSyncIntervalSec=0\n' \
    > /etc/systemd/journald.conf
exec "$2"
