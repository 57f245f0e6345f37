# Starts systemd-nspawn, already inside a light host, in control groups of its
# own: with several containers in one group, their systemds would fight.
# Arguments: GROUP, then the command to become.
set -eu
group=$1
shift
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    folders="/sys/fs/cgroup"
else
    folders=$(find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d)
fi
for folder in $folders; do
    mkdir -p "$folder/$group"
    # These two start empty, and nothing may run in a group without them.
    for file in cpuset.cpus cpuset.mems; do
        [ ! -e "$folder/$file" ] || cat "$folder/$file" >"$folder/$group/$file"
    done
    # Where a controller refuses, the container does without.
    echo $$ >"$folder/$group/cgroup.procs" || true
done
exec "$@"
