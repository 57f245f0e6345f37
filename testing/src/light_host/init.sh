# Process 1 of a light host, already in namespaces of its own.
# Arguments: NAME KEEP. Says "ready" on standard output, then lives until its
# standard input closes, that is until the test process is gone (KEEP: for ever).
set -eu
name=$1 keep=$2
exec 2>&1

# Other tests' scratch filesystems came along with the copied mounts; holding
# them here would keep them busy after their tests are done.
while read -r _ target _; do
    case $target in
    */smbgw-[0-9]*) umount -l "$target" 2>/dev/null || true ;;
    esac
done </proc/mounts

hostname "$name"
ip link set lo up

# All private files live in one tmpfs, which goes away with the last process.
lab=/mnt
mount -t tmpfs -o mode=755 "smbgw-light-host" "$lab"

# DIR as it is outside, but what is written to it stays here.
private() {
    local dir=$1 own=$lab/private$1
    mkdir -p "$own/upper" "$own/work"
    if mount -t overlay overlay -o "lowerdir=$dir,upperdir=$own/upper,workdir=$own/work" "$dir" 2>/dev/null; then
        return
    fi
    # No overlay in this kernel: a copy of what may be edited, links to the rest.
    if [ "$dir" = /etc ]; then
        cp -a "$dir/." "$own/upper/"
    else
        mkdir "$own/below"
        mount --bind "$dir" "$own/below"
        mkdir "$own/upper/.below"
        mount --bind "$own/below" "$own/upper/.below"
        for entry in "$dir"/*; do
            ln -s ".below/${entry##*/}" "$own/upper/${entry##*/}"
        done
    fi
    mount --rbind "$own/upper" "$dir"
}

# DIR empty, with the given mode.
fresh() {
    local dir=$1 mode=$2
    [ -d "$dir" ] || mkdir -p "$dir" 2>/dev/null || {
        private "${dir%/*}"
        rm -f "$dir"
        mkdir -p "$dir"
    }
    mkdir -p "$lab/fresh$dir"
    chmod "$mode" "$lab/fresh$dir"
    mount --bind "$lab/fresh$dir" "$dir"
}

private /etc
private /var/lib
fresh /etc/samba 755
fresh /var/lib/samba 755
mkdir -m 700 /var/lib/samba/private
fresh /var/lib/smbgw 700
fresh /var/cache/samba 755
fresh /var/log/samba 750
fresh /srv 755
fresh /run 755
mkdir -p /run/samba /run/lock /run/smbgw

printf '%s\n' "$name" >/etc/hostname
printf '127.0.0.1 localhost %s\n::1 localhost\n' "$name" >/etc/hosts
# No name server is in reach: ask none rather than wait for one.
rm -f /etc/resolv.conf
: >/etc/resolv.conf
printf '%s\n' 'passwd: files' 'group: files' 'shadow: files' 'hosts: files' \
    'services: files' 'protocols: files' >/etc/nsswitch.conf
# Whatever Kerberos the machine belongs to, this host belongs to none yet.
rm -rf /etc/krb5.conf /etc/krb5.conf.d /etc/krb5.keytab
: >/etc/samba/smb.conf
umount -l "$lab"

echo ready
exec >/dev/null 2>&1
# bash collects orphans while it waits.
if [ "$keep" = 1 ]; then
    sleep infinity &
else
    cat >/dev/null <&0 &
fi
wait $!
