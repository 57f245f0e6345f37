#!/bin/bash
# Measures templates beside what people use without them (root, Debian 12, QEMU without acceleration):
#
#   - building: `vm-template --build` beside debootstrap, apt-get and mke2fs for the same packages;
#   - from a layer over the disk to an answer of smbd: a template beside a Debian with the packages of
#     Debian's image "generic cloud" and samba, both with the same documents for cloud-init. That
#     image itself cannot be fetched everywhere, and is given an advantage: it has samba already, and
#     starts without firmware and boot loader;
#   - what of a guest's memory is used then.
#
#   guests.sh [ROUNDS]     3 if not given
#
# CPU is what QEMU took of the processors, which other work on the machine changes less than the
# time. SMBGW_BENCH_KEEP=FOLDER keeps what is built there for the next run.
set -euo pipefail

rounds=${1:-3}
root=$(cd "$(dirname "$0")/../.." && pwd -P)
[ "$(id -u)" = 0 ] || {
    echo "guests: this needs root" >&2
    exit 1
}
command -v debootstrap >/dev/null ||
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends debootstrap >/dev/null
work=$(mktemp -d "${TMPDIR:-/var/tmp}/smbgw-$$-guests.XXXXXX")
kept=${SMBGW_BENCH_KEEP:-$work}
mkdir -p "$kept"
qemu=
finish() {
    [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Seconds since some time, with parts of them.
now() {
    cut -d ' ' -f 1 /proc/uptime
}

since() {
    awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f\n", to - from }'
}

median() {
    sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

ratio() {
    awk -v one="$1" -v other="$2" 'BEGIN { printf "%.2f\n", one / other }'
}

cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p vm-template
programs=${CARGO_TARGET_DIR:-$root/target}/release

# Building.

template=$kept/store/bench/disk.qcow2
if [ ! -e "$template" ]; then
    begun=$(now)
    "$programs/vm-template" bench --build bookworm --store "$kept/store" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 1
    }
    ours=$(since "$begun")
    # The same packages, without the choice of a mirror that apt makes.
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -1)
    packages=$(perl -0ne 'print join ",", $1 =~ /"([^"]+)",/g if /DEFAULT_PACKAGES[^=]*= &\[(.*?)\];/s' \
        "$root/smbgw-vm/src/template/build/packages.rs")
    begun=$(now)
    # shellcheck disable=SC2016
    {
        unshare --mount --propagation private \
            debootstrap --variant=minbase bookworm "$work/root" "${mirror%/}"
        unshare --mount --propagation private sh -ec '
            mount -t proc proc "$1/proc"
            printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"
            chmod +x "$1/usr/sbin/policy-rc.d"
            DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -y --no-install-recommends \
                $(echo "$2" | tr , " ")' sh "$work/root" "$packages"
        mke2fs -q -t ext4 -d "$work/root" "$work/disk.raw" 4G
        qemu-img convert -O qcow2 "$work/disk.raw" "$work/disk.qcow2"
    } >"$work/log" 2>&1 || {
        tail -20 "$work/log" >&2
        exit 1
    }
    theirs=$(since "$begun")
    echo "building: vm-template $ours s, debootstrap, apt-get and mke2fs $theirs s: $(ratio "$ours" "$theirs") times"
    rm -rf --one-file-system "$work/root" "$work/disk.raw" "$work/disk.qcow2"
fi

# The other Debian: what the image "generic cloud" has, and samba.

other=$kept/other.qcow2
uuid=5b0b8a5e-6a5e-4d0e-9a1b-0d5c1d1a2b3c
if [ ! -e "$other" ]; then
    packages=linux-image-cloud-amd64,initramfs-tools,cloud-init,cloud-guest-utils,cloud-initramfs-growroot
    packages=$packages,openssh-server,systemd-sysv,systemd-timesyncd,systemd-resolved,libpam-systemd,dbus
    packages=$packages,locales,unattended-upgrades,apt-listchanges,bash-completion,ca-certificates,curl,wget
    packages=$packages,sudo,screen,vim-tiny,man-db,python3-apt,qemu-guest-agent,netplan.io,apparmor,polkitd,samba
    unshare --mount --propagation private mmdebstrap --quiet --mode=root --variant=important \
        --format=directory "--include=$packages" bookworm "$work/root" 2>"$work/log" || {
        tail -20 "$work/log" >&2
        exit 1
    }
    chroot "$work/root" systemctl --quiet enable systemd-networkd systemd-resolved
    echo "UUID=$uuid / ext4 defaults,noatime 0 1" >"$work/root/etc/fstab"
    : >"$work/root/etc/machine-id"
    rm -f "$work"/root/etc/ssh/ssh_host_*
    cp "$work"/root/boot/vmlinuz-* "$kept/vmlinuz"
    cp "$work"/root/boot/initrd.img-* "$kept/initrd"
    mke2fs -q -t ext4 -U "$uuid" -d "$work/root" "$work/disk.raw" 4G
    qemu-img convert -O qcow2 "$work/disk.raw" "$other"
    rm -rf --one-file-system "$work/root" "$work/disk.raw"
fi

# What both are told.

cat >"$work/meta-data" <<'END'
instance-id: bench
local-hostname: bench
END
cat >"$work/user-data" <<'END'
#cloud-config
users:
- name: alice
write_files:
- path: /etc/samba/smb.conf
  content: |
    [global]
    server role = standalone server
    map to guest = bad user
    disable netbios = yes
    [data]
    path = /srv
    guest ok = yes
END
cat >"$work/network-config" <<'END'
version: 2
ethernets:
  card:
    match: {macaddress: "52:54:00:12:34:56"}
    dhcp4: true
END
truncate -s 2M "$work/seed"
mkfs.vfat -n CIDATA "$work/seed" >/dev/null
mcopy -i "$work/seed" "$work/user-data" "$work/meta-data" "$work/network-config" ::

# Starts a machine with so much memory from a layer over a disk, and sets `seconds` and `cpu` to what
# its first answer to a client took. The machine goes on.
start() {
    local memory=$1 disk=$2 port=$((20000 + RANDOM % 10000)) begun
    shift 2
    rm -f "$work/layer" "$work/agent"
    begun=$(now)
    qemu-img create -q -f qcow2 -F qcow2 -b "$disk" "$work/layer"
    qemu-system-x86_64 -M q35 -accel tcg,thread=multi,tb-size=512 -cpu qemu64 -smp 1 -m "$memory" \
        -nodefaults -display none -no-reboot -serial "file:$work/console" -device virtio-rng-pci \
        -device virtio-serial-pci -chardev "socket,id=agent,path=$work/agent,server=on,wait=off" \
        -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0 \
        -netdev "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:$port-:445" \
        -device virtio-net-pci,netdev=net,mac=52:54:00:12:34:56,romfile= \
        -drive "if=none,id=disk,file=$work/layer,format=qcow2,cache=unsafe" -device virtio-blk-pci,drive=disk \
        -drive "if=none,id=seed,file=$work/seed,format=raw,readonly=on" -device virtio-blk-pci,drive=seed \
        "$@" &
    qemu=$!
    until timeout 5 smbclient -N //127.0.0.1/data -p "$port" -c ls >/dev/null 2>&1; do
        kill -0 "$qemu" 2>/dev/null || {
            tail -20 "$work/console" >&2
            exit 1
        }
        [ "${begun%.*}" -gt "$(($(now | cut -d . -f 1) - 900))" ] || {
            echo "guests: no answer within 15 minutes" >&2
            exit 1
        }
        sleep 0.2
    done
    seconds=$(since "$begun")
    cpu=$(awk -v tick="$(getconf CLK_TCK)" '{ printf "%.1f\n", ($14 + $15) / tick }' "/proc/$qemu/stat")
}

stop() {
    kill "$qemu"
    wait "$qemu" 2>/dev/null || true
    qemu=
}

directly=(-kernel "$kept/vmlinuz" -initrd "$kept/initrd" -append "root=UUID=$uuid ro console=ttyS0 quiet")
for round in $(seq "$rounds"); do
    start 512 "$template"
    echo "$seconds" >>"$work/ours.seconds"
    echo "$cpu" >>"$work/ours.cpu"
    stop
    start 512 "$other" "${directly[@]}"
    echo "$seconds" >>"$work/theirs.seconds"
    echo "$cpu" >>"$work/theirs.cpu"
    stop
    echo "round $round: a template $(tail -1 "$work/ours.seconds") s ($(tail -1 "$work/ours.cpu") s of CPU)," \
        "the other $seconds s ($cpu s of CPU)"
done
for kind in seconds cpu; do
    ours=$(median <"$work/ours.$kind")
    theirs=$(median <"$work/theirs.$kind")
    echo "to the first answer, $kind: $ours and $theirs, $(ratio "$ours" "$theirs") times"
done

# Memory, in a guest that has little.

start 256 "$template"
sleep 20
python3 - "$work/agent" <<'END'
import base64, json, socket, sys, time

agent = socket.socket(socket.AF_UNIX)
agent.settimeout(60)
agent.connect(sys.argv[1])
lines = agent.makefile("rb")

def ask(command, **arguments):
    agent.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
    return json.loads(lines.readline())["return"]

ask("guest-ping")
number = ask("guest-exec", path="/usr/bin/free", arg=["-m"], **{"capture-output": True})["pid"]
while not (ended := ask("guest-exec-status", pid=number))["exited"]:
    time.sleep(0.2)
used = base64.b64decode(ended["out-data"]).decode().splitlines()[1].split()
print(f"memory with 256 MiB: {used[1]} MiB seen by the guest, {used[2]} used, {used[6]} available")
END
stop
