#!/bin/bash
# A share from its beginning to its end, on this machine and without a trace on it:
#
#   examples/demo.sh [ext4|xfs|btrfs]      (or `make demo`; as root, on Debian 12)
#
# Everything happens in namespaces of its own: a private /etc, /run, /srv and /var, a private
# network with nothing but loopback, and a disk that is an image in memory. The machine's own Samba,
# accounts and disks are neither seen nor touched, and all of it goes away with the last process,
# however that ends.
#
# Every command is shown before it runs, and what it says is checked: where something is not as it
# should be, the demo stops with a message and a non-zero exit status.
set -euo pipefail

export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C.UTF-8

fail() {
    printf '\ndemo: FAILED: %s\n' "$*" >&2
    exit 1
}

# ---- showing and checking ---------------------------------------------------------------------

if [ -t 1 ]; then
    bold=$'\e[1m' dim=$'\e[2m' cyan=$'\e[36m' plain=$'\e[0m'
else
    bold='' dim='' cyan='' plain=''
fi

chapter() {
    printf '\n%s\n' "$bold── $* ──$plain"
}

say() {
    printf '%s\n' "$dim# $*$plain"
}

# Shows a command line and runs it. What it says goes to the reader and into $output.
attempt() {
    printf '%s\n' "$cyan\$ $1$plain"
    status=0
    output=$(eval "$1" 2>&1) || status=$?
    [ -z "$output" ] || printf '%s\n' "$output"
}

# The same for a command line that has to succeed, …
run() {
    attempt "$1"
    [ "$status" = 0 ] || fail "exit status $status of: $1"
}

# … and for one that has to fail.
run_in_vain() {
    attempt "$1"
    [ "$status" != 0 ] || fail "this should not have worked: $1"
    say "(exit status $status)"
}

# The last command has to have said this (an extended regular expression).
expect() {
    grep -Eq -- "$1" <<<"$output" || fail "\`$1\` was expected in the output above"
}

# ---- outside: build, then go inside -----------------------------------------------------------

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || fail "this needs root, for namespaces, mounts and smbd"
    for tool in unshare mkfs.btrfs smbd smbclient; do
        command -v "$tool" >/dev/null || fail "$tool is missing; run \`make deps\`"
    done
    case ${1:-} in '' | ext4 | xfs | btrfs) ;; *) fail "usage: ${0##*/} [ext4|xfs|btrfs]" ;; esac

    chapter "Build"
    cd "$(dirname "$0")/.."
    printf '%s\n' "$cyan\$ cargo build -p pve-smbgateway$plain"
    "${CARGO:-cargo}" build --quiet -p pve-smbgateway
    programs=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)

    image=smbgw-demo-$$
    # In the background, so that a signal to this shell is acted on at once. Killing `unshare` kills
    # process 1 of the namespaces, and with it the kernel ends everything inside.
    unshare --mount --net --uts --ipc --pid --fork --kill-child --mount-proc -- \
        bash "$PWD/examples/demo.sh" --inside "$programs" "$image" "${1:-}" </dev/null &
    inside=$!
    trap 'kill -KILL "$inside" 2>/dev/null || true' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    wait "$inside" || exit

    for _ in {1..100}; do
        losetup --all | grep -q "$image" || break
        sleep 0.05
    done
    ! losetup --all | grep "$image" || fail "the loop device above is left"
    printf '\nNothing of this is left on the machine.\n'
    exit 0
fi

# ---- inside: a machine of its own -------------------------------------------------------------

programs=$2 image=$3 wanted=$4

# A private folder for everything that is written, in memory; the machine's own stays below it.
mount -t tmpfs -o mode=755 smbgw-demo /mnt
mkdir /mnt/bin /mnt/disk
cp -- "$programs/pve-smbgateway" "$programs/smbgw-dfree" /mnt/bin/
cp -a --one-file-system /etc /mnt/etc
for dir in run srv var/cache var/lib var/log; do
    mkdir -p "/mnt/$dir"
    mount --bind "/mnt/$dir" "/$dir"
done
mount --bind /mnt/etc /etc
mount --bind /mnt/bin /usr/local/bin
mount --bind /mnt/disk /srv
mkdir -p /run/lock /run/samba /var/cache/samba /var/lib/samba/private /var/log/samba
rm -rf /etc/samba /etc/smbgw /etc/resolv.conf
mkdir /etc/samba
printf '[global]\n\tworkgroup = DEMO\n' >/etc/samba/smb.conf
printf '%s: files\n' passwd group shadow hosts >/etc/nsswitch.conf
printf '127.0.0.1 localhost demo\n' >/etc/hosts
hostname demo
ip link set lo up
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /run

# Mounts an image with this file system at /srv, if this kernel enforces quotas on it.
disk() {
    local kind=$1 file=/mnt/$image
    truncate -s 1G "$file"
    case $kind in
    ext4) mkfs.ext4 -q -O quota,project -E quotatype=prjquota "$file" ;;
    xfs) mkfs.xfs -q "$file" ;;
    btrfs) mkfs.btrfs -q "$file" ;;
    esac
    case $kind in
    btrfs) mount -o loop "$file" /srv && btrfs quota enable /srv ;;
    *)
        mount -o loop,prjquota "$file" /srv || return
        # A kernel without quotas may ignore the option.
        grep -q ' /srv .*prjquota' /proc/mounts
        ;;
    esac
}

chapter "A disk whose kernel enforces quotas"
found=
for kind in ${wanted:-ext4 xfs btrfs}; do
    if disk "$kind" >/dev/null 2>&1; then
        found=$kind
        break
    fi
    say "$kind: not with this kernel"
    umount /srv 2>/dev/null || true
    rm -f "/mnt/$image"
done
[ -n "$found" ] || fail "this kernel enforces quotas on none of ${wanted:-ext4, xfs and btrfs}"
run 'findmnt --output TARGET,FSTYPE,OPTIONS --target /srv'
expect "$found"

chapter "Is the machine ready?"
run 'pve-smbgateway check'
expect '^ok +service: smbd does not run, will be started'

chapter "Create a share of 64 MiB for a new user"
say "A password that nobody has to know, in a file that only root can read."
run '(umask 077 && head -c 18 /dev/urandom | base64 >password)'
run 'pve-smbgateway create team --path /srv/team --quota 64M --user anna --create-user --password-file - <password'
expect 'The share team is there'
run 'pve-smbgateway list'
expect 'team .*64M.*/srv/team.*anna'
run 'cat /etc/samba/smb.conf'
expect 'include = /etc/samba/smbgw.conf'

chapter "Use it as a client"
# smbclient takes name and password from a file, so that they are on no command line.
(umask 077 && printf 'username = anna\npassword = %s\n' "$(<password)" >anna)
run 'head -c 10M /dev/urandom >report.pdf'
run 'smbclient //localhost/team -A anna -c "put report.pdf; ls"'
expect 'report.pdf +A? +10485760'
say "The last line is the free space as clients see it: the quota, not the disk of 1 GiB."
read -r blocks size available < <(
    sed -nE 's/.*\s([0-9]+) blocks of size ([0-9]+)\. ([0-9]+) blocks available.*/\1 \2 \3/p' <<<"$output"
)
total=$((blocks * size >> 20)) free=$((available * size >> 20))
((total == 64)) || fail "the client sees a disk of $total MiB, not of 64"
((free >= 50 && free <= 54)) || fail "the client sees $free MiB free, not 54"
say "That is $total MiB, of which $free MiB are free."

chapter "Fill it"
run 'head -c 100M /dev/urandom >film.mkv'
run_in_vain 'smbclient //localhost/team -A anna -c "put film.mkv"'
expect 'NT_STATUS_(DISK_FULL|QUOTA_EXCEEDED)'
say "The kernel refused what is more than the quota, and the client was told."
run 'pve-smbgateway status team'
expect 'over SMB +answers'
run 'pve-smbgateway quota-status'
expect 'team .*64M.*ok'
used=$(pve-smbgateway --json quota-status team | sed -nE '0,/"bytes"/s/.*"bytes": ([0-9]+).*/\1/p')
((used > 10 << 20 && used <= 64 << 20)) ||
    fail "$used bytes are used, which is not between 10 MiB and the quota"

chapter "Watch it"
run 'pve-smbgateway monitor run --once'
expect '^Looked at 1 share '
run 'pve-smbgateway quota-history team'
expect ' 64M +[0-9.]+'

chapter "Give it more"
run 'pve-smbgateway resize team 128M'
run 'smbclient //localhost/team -A anna -c "put film.mkv; ls"'
expect 'film.mkv +A? +104857600'
run 'pve-smbgateway quota-status'
expect 'team .*128M.*ok'
run_in_vain 'pve-smbgateway resize team 32M'
expect 'below the .* used already'

chapter "Take it away, data and account included"
run 'pve-smbgateway delete team --purge --yes'
expect 'The share team is gone'
run 'pve-smbgateway list'
expect 'There are no shares'
run_in_vain 'smbclient //localhost/team -A anna -c ls'
expect 'NT_STATUS_(BAD_NETWORK_NAME|LOGON_FAILURE|ACCESS_DENIED)'
run_in_vain 'ls -d /srv/team'
run_in_vain 'getent passwd anna'
run 'cat /etc/samba/smb.conf'
! grep -q smbgw <<<"$output" || fail "smb.conf still names the gateway's file"

chapter "Done: made, used, filled, resized and removed"
