#!/bin/sh
# Guests for the stand-in of Proxmox VE: a folder each, for as long as they run. Files in /srv say what goes wrong.
verb=$1 id=$2 config=$3 up=/srv/up/$2
say() { printf '{"exited":1,"exitcode":%s,"out-data":"%s\\n"}' "$1" "$2"; }
case $verb in
start)
    meta=$(sed -n 's/^cicustom:.*meta=local:\([^,]*\).*/\1/p' "$config")
    mkdir -p "$up"
    sed -n 's/.*"instance-id": "\([^"]*\)".*/\1/p' "/var/lib/vz/$meta" >"$up/instance-id"
    ;;
stop | shutdown) rm -r "$up" ;;
ping) test -d "$up" && test ! -e /srv/silent ;;
interfaces)
    mac=$(sed -n 's/^net0: virtio=\([0-9A-F:]*\),.*/\1/p' "$config")
    echo '[{"name":"lo","ip-addresses":[{"ip-address":"127.0.0.1"}]},'
    echo "{\"name\":\"eth0\",\"hardware-address\":\"$mac\",\"ip-addresses\":[{\"ip-address\":\"192.0.2.30\"}]}]"
    ;;
exec)
    while test "$1" != --; do shift; done
    shift
    case "$*" in
    "/bin/cat /run/cloud-init/result.json") if test -e /srv/broken; then say 0 '{}'; else say 1 ''; fi ;;
    "/bin/cat /var/lib/smbgw/instance-id")
        if test -e /srv/broken || test -e /srv/slow; then say 1 ''; else say 0 "$(cat "$up/instance-id")"; fi
        ;;
    "/usr/bin/tail "*) say 0 'the end of a log' ;;
    "/usr/bin/smbpasswd -s -a "*)
        cat >"$up/password"
        if test -e /srv/refuses; then say 1 'no such user'; else say 0 ''; fi
        ;;
    *) say 127 'no such program' ;;
    esac
    ;;
esac
