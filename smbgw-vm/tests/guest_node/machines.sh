#!/bin/sh
# Guests for the stand-in of Proxmox VE: programs run on this very machine, for as long as they run. Their smbd is that of
# the machine, and the disk for data is mounted there; so one guest at a time has one. Files in /srv say what goes wrong.
#
# /srv/up/ID is there while a guest runs, /srv/state/ID is what it keeps. Where the kernel has no project quotas
# (/srv/without-quotas), the disk for data is in memory, and limits are kept and told, but do not hold. Where it has them,
# the disk is what the stand-in has as volume, formatted and mounted as cloud-init is told.
verb=$1 config=$3 up=/srv/up/$2 state=/srv/state/$2 data=/srv/smbgw

# How an agent says that a program ended: STATUS, and what it wrote.
say() { printf '{"exited":1,"exitcode":%s,"out-data":"%s\\n"}' "$1" "$2"; }

# The same for a program of the machine.
run() {
    "$@" >"$up/out" 2>"$up/err"
    perl -MJSON::PP -e '
        my %said = (exited => 1, exitcode => shift() + 0);
        for my $name (qw(out err)) {
            open(my $file, "<:utf8", "$ARGV[0]/$name") or die;
            local $/;
            my $text = <$file> // "";
            $said{"$name-data"} = $text if $text ne "";
        }
        print JSON::PP->new->utf8->canonical->encode(\%said)' "$?" "$up"
}

# The size of the disk for data in bytes, or nothing.
disk_bytes() {
    size=$(sed -n 's/^virtio1:.*,size=\([0-9]*[KMGT]\).*/\1/p' "$config")
    test -z "$size" || numfmt --from=iec "$size"
}

# What cloud-init is told of the disk for data: its filesystem, how it is made, and how it is mounted.
told() {
    user=$(sed -n 's/^cicustom:.*user=local:\([^,]*\).*/\1/p' "$config")
    perl -MJSON::PP -e '
        local $/;
        my $told = JSON::PP->new->utf8->decode(<STDIN> =~ s/^#cloud-config\n//r);
        my $disk = $told->{fs_setup}[0];
        my @options = grep { !/^(?:nofail|x-systemd)/ } split /,/, $told->{mounts}[0][3];
        my %said = (kind => $disk->{filesystem}, making => join(" ", @{ $disk->{extra_opts} // [] }),
            mounting => join(",", "loop", @options));
        print "$said{$ARGV[0]}\n"' "$1" <"/var/lib/vz/$user"
}

# The disk for data as a file of the machine.
disk_file() {
    volume=$(sed -n 's/^virtio1: local-lvm:\([^,]*\),.*/\1/p' "$config")
    echo "/run/pve-standin/volumes/local-lvm/$volume"
}

with_quotas() { test ! -e /srv/without-quotas && test -n "$(disk_bytes)"; }

# smbd may still be about to notice that a client is gone.
unmount() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        mountpoint -q "$data" || return 0
        umount "$data" 2>/dev/null || sleep 0.5
    done
    ! mountpoint -q "$data"
}

fresh() {
    rm -rf "$state"
    mkdir -p "$state"
    echo "$1" >"$state/instance-id"
    test -n "$(disk_bytes)" || return 0
    cp -n /etc/samba/smb.conf /srv/smb.conf
    cp /srv/smb.conf /etc/samba/smb.conf
    rm -f /etc/samba/smbgw.conf
    unmount
    mkdir -p "$data"
    if with_quotas; then
        if test "$(told kind)" = ext4; then set -- -F; else set --; fi
        # shellcheck disable=SC2046
        "mkfs.$(told kind)" -q "$@" $(told making) "$(disk_file)"
        return
    fi
    mount -t tmpfs data "$data"
    disk_bytes >"$state/filesystem"
}

tool() {
    case ${1##*/} in
    chattr)
        test "$2 $3 $4" = "-p 1 +P" && test -d "$5" && echo "$5" >"$state/project"
        ;;
    setquota)
        test "$2 $3 $4 $6 $7 $8" = "-P 1 0 0 0 $data" && test "$5" -gt 0 && echo "$5" >"$state/limit"
        ;;
    repquota)
        echo 'Project,BlockStatus,FileStatus,BlockUsed,BlockSoftLimit,BlockHardLimit,BlockGrace,FileUsed,FileSoftLimit,FileHardLimit,FileGrace'
        echo '#0,ok,ok,0,0,0,,3,0,0,'
        used=$(du -sk "$(cat "$state/project")" | cut -f 1)
        echo "#1,ok,ok,$used,0,$(cat "$state/limit"),,1,0,0,"
        ;;
    findmnt)
        mountpoint -q "$data" || return 1
        case "$*" in
        *" SIZE "*) cat "$state/filesystem" ;;
        *) echo rw,nosuid,nodev,relatime,prjquota ;;
        esac
        ;;
    blockdev) disk_bytes ;;
    xfs_growfs) disk_bytes >"$state/filesystem" ;;
    *) return 127 ;;
    esac
}

case $verb in
start)
    meta=$(sed -n 's/^cicustom:.*meta=local:\([^,]*\).*/\1/p' "$config")
    instance=$(sed -n 's/.*"instance-id": "\([^"]*\)".*/\1/p' "/var/lib/vz/$meta")
    if test "$(cat "$state/instance-id" 2>/dev/null)" != "$instance"; then fresh "$instance"; fi
    if with_quotas; then
        mountpoint -q "$data" || mount -o "$(told mounting)" "$(disk_file)" "$data"
    fi
    mkdir -p "$up"
    ;;
stop | shutdown)
    if test "$verb" = shutdown && test -e /srv/stubborn; then exit 1; fi
    rm -r "$up"
    if with_quotas; then unmount; fi
    ;;
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
        if test -e /srv/broken || test -e /srv/slow; then say 1 ''; else run cat "$state/instance-id"; fi
        ;;
    "/usr/bin/tail "*) say 0 'the end of a log' ;;
    "/usr/bin/smbpasswd -s -a "*)
        cat >"$state/password"
        if test -e /srv/refuses; then say 1 'no such user'; else run "$@" <"$state/password"; fi
        ;;
    "/bin/cat /etc/samba/smb.conf" | "/usr/bin/install -"* | "/usr/bin/setfacl "* | "/usr/bin/testparm "* | "/usr/bin/mv "* | \
        "/usr/bin/smbcontrol "* | /usr/bin/sync) run "$@" ;;
    *)
        if test -e /srv/without-quotas; then
            run tool "$@"
        else
            device=$(findmnt -n -o SOURCE --mountpoint "$data")
            # As QEMU tells its guest.
            losetup -c "$device"
            for word; do
                shift
                if test "$word" = /dev/disk/by-id/virtio-smbgw-data; then word=$device; fi
                set -- "$@" "$word"
            done
            run "$@"
        fi
        ;;
    esac
    ;;
esac
