"""What a guest of the lab does of a NoCloud seed in the place of cloud-init: the parts that these tests use."""
import base64
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys

seed = sys.argv[1]


def document(name):
    with open(os.path.join(seed, name), encoding="utf-8") as file:
        text = file.read()
    return json.loads(text.split("\n", 1)[1] if text.startswith("#") else text)


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


meta, config, errors = document("meta-data"), document("user-data"), []
name = config.get("hostname") or meta.get("local-hostname")
if name:
    socket.sethostname(name)
for command in config.get("bootcmd", []):
    carry_out(command)
files = config.get("write_files", [])
try:
    for entry in (entry for entry in files if not entry.get("defer")):
        write(entry)
    for entry in (entry for entry in config.get("users", []) if isinstance(entry, dict)):
        user(entry)
    for entry in (entry for entry in files if entry.get("defer")):
        write(entry)
    for command in config.get("runcmd", []):
        carry_out(command)
except (OSError, subprocess.CalledProcessError) as error:
    errors.append(str(error))
os.makedirs("/var/lib/cloud/data", exist_ok=True)
with open("/var/lib/cloud/data/instance-id", "w", encoding="utf-8") as file:
    file.write(meta["instance-id"] + "\n")
os.makedirs("/run/cloud-init", exist_ok=True)
with open("/run/cloud-init/result.json", "w", encoding="utf-8") as file:
    json.dump({"v1": {"datasource": "DataSourceNoCloud", "errors": errors}}, file)
sys.exit("; ".join(errors) or 0)
