# Makes the folders of libvirt this host's own and empty.
# Arguments: FOLDER, where a test keeps its disks.
folder=$1
lab=/run/libvirt-lab
for dir in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
    mkdir -p "$dir" "$lab$dir"
    mount --bind "$lab$dir" "$dir"
done
mkdir -p "$folder" /etc/libvirt/qemu/networks /var/log/libvirt/qemu
