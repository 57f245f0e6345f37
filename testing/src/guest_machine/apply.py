"""What a guest of the lab does of a NoCloud seed in the place of cloud-init: the parts that these tests use."""
import base64
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys

BUSYBOX = "/run/lab/busybox"
INSTANCE = "/var/lib/cloud/data/instance-id"
MOUNT = ["mount", "-a", "-t", "ext4,xfs"]
LEASE = """#!/run/lab/busybox sh
case $1 in
bound | renew)
    /run/lab/busybox ip addr add "$ip/$mask" dev "$interface"
    [ -z "$router" ] || /run/lab/busybox ip route add default via "${router%% *}"
    ;;
esac
"""

seed = sys.argv[1]


def document(name):
    with open(os.path.join(seed, name), encoding="utf-8") as file:
        text = file.read()
    return json.loads(text.split("\n", 1)[1] if text.startswith("#") else text)


def content(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None


def put(path, text, mode="w"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode, encoding="utf-8") as file:
        file.write(text)


def write(entry):
    path = entry["path"]
    content = entry.get("content", "").encode()
    if entry.get("encoding") in ("b64", "base64"):
        content = base64.b64decode(content)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "ab" if entry.get("append") else "wb") as file:
        file.write(content)
    if entry.get("owner"):
        shutil.chown(path, *entry["owner"].split(":"))
    os.chmod(path, int(str(entry.get("permissions", "0644")), 8))


def carry_out(command):
    if isinstance(command, str):
        command = ["sh", "-c", command]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def user(entry):
    if any(known.pw_name == entry["name"] for known in pwd.getpwall()):
        return
    command = ["useradd", "-M" if entry.get("no_create_home") else "-m"]
    command += ["-s", entry.get("shell", "/bin/bash"), entry["name"]]
    carry_out(command)


def network(card):
    """A card of version 1: known by its address on the link."""
    links = os.listdir("/sys/class/net")
    is_it = [link for link in links if content(f"/sys/class/net/{link}/address") == card["mac_address"]]
    if not is_it:
        raise OSError(f"no network card has the address {card['mac_address']}")
    name, ip = card["name"], [BUSYBOX, "ip"]
    if is_it[0] != name:
        carry_out([*ip, "link", "set", is_it[0], "name", name])
    carry_out([*ip, "link", "set", name, "up"])
    for subnet in card["subnets"]:
        if subnet["type"] == "dhcp4":
            put("/run/lab/lease", LEASE)
            os.chmod("/run/lab/lease", 0o755)
            # Where nobody answers it goes on asking in the background.
            carry_out([BUSYBOX, "udhcpc", "-b", "-S", "-t", "2", "-T", "1", "-i", name, "-s", "/run/lab/lease"])
            continue
        carry_out([*ip, "addr", "add", subnet["address"], "dev", name])
        if "gateway" in subnet:
            carry_out([*ip, "route", "add", "default", "via", subnet["gateway"]])


def file_system(entry):
    """Makes one where nothing is on the disk."""
    device = entry["device"]
    if subprocess.run(["blkid", "-p", device], stdout=subprocess.DEVNULL).returncode != 2:
        return
    make = [f"mkfs.{entry['filesystem']}", "-q", "-L", entry["label"]]
    carry_out([*make, *entry.get("extra_opts", []), device])


def mount(fields):
    line = "\t".join(fields)
    if line not in (content("/etc/fstab") or "").split("\n"):
        put("/etc/fstab", line + "\n", "a")
    os.makedirs(fields[1], exist_ok=True)


def first_boot():
    files = config.get("write_files", [])
    for entry in config.get("fs_setup", []):
        file_system(entry)
    for fields in config.get("mounts", []):
        mount(fields)
    carry_out(MOUNT)
    for entry in (entry for entry in files if not entry.get("defer")):
        write(entry)
    for entry in (entry for entry in config.get("users", []) if isinstance(entry, dict)):
        user(entry)
    for entry in (entry for entry in files if entry.get("defer")):
        write(entry)
    lines = [command for command in config.get("runcmd", []) if command != "set -e"]
    for command in lines:
        carry_out(command)


meta, config, errors = document("meta-data"), document("user-data"), []
name = config.get("hostname") or meta.get("local-hostname")
if name:
    socket.sethostname(name)
try:
    if os.path.exists(os.path.join(seed, "network-config")):
        cards = document("network-config")["config"]
        for card in (card for card in cards if card["type"] == "physical"):
            network(card)
    for command in config.get("bootcmd", []):
        carry_out(command)
    if content(INSTANCE) == meta["instance-id"]:
        carry_out(MOUNT)
    else:
        first_boot()
except (OSError, subprocess.CalledProcessError) as error:
    print(error, flush=True)
    errors.append(str(error))
put(INSTANCE, meta["instance-id"] + "\n")
put("/run/cloud-init/result.json", json.dumps({"v1": {"datasource": "DataSourceNoCloud", "errors": errors}}))
sys.exit("; ".join(errors) or 0)
