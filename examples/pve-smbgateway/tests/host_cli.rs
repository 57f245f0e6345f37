//! The program on btrfs, with real clients (root).

mod cli;
mod lab;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use cli::SMB_CONF;
use lab::cli::{
    PASSWORD, add_users, gateway, gateway_with, local_file, smbclient, smbclient_with, start, wait,
};
use lab::picture::take_picture;
use lab::{Lab, command, in_lab};
use smbgw_testing::{Capability, Filesystem, MIB, require, run};

macro_rules! on_btrfs {
    ($($test:ident $body:block)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::Btrfs, Capability::Samba);
                in_lab(stringify!($test), Filesystem::BtrfsQuota, |lab| {
                    fs::write("/etc/samba/smb.conf", SMB_CONF).unwrap();
                    let body: fn(&Lab) = $body;
                    body(lab);
                });
            }
        )+
    };
}

#[test]
fn a_share_lives_on_btrfs() {
    require!(Capability::Btrfs, Capability::Samba);
    in_lab(
        "a_share_lives_on_btrfs",
        Filesystem::BtrfsQuota,
        cli::whole_life,
    );
}

#[test]
fn a_filesystem_without_limits_is_refused_with_a_remedy() {
    require!(Capability::Btrfs, Capability::Samba);
    let test = "a_filesystem_without_limits_is_refused_with_a_remedy";
    in_lab(test, Filesystem::BtrfsPlain, |lab| {
        fs::write("/etc/samba/smb.conf", SMB_CONF).unwrap();
        add_users(&["alice"]);
        gateway("create media --quota 10M --user alice")
            .ended(5)
            .said(&["quota", "btrfs quota enable"]);
        gateway("check media --quota 10M --user alice")
            .ended(5)
            .said(&["FAILED quota", "btrfs quota enable"]);
        // Memory has no limits at all.
        gateway("create media --path /srv/media --quota 10M --user alice")
            .ended(5)
            .said(&["tmpfs"]);
        assert!(!lab.path("media").exists() && !Path::new("/srv/media").exists());
        assert!(!Path::new("/etc/smbgw").exists());
    });
}

on_btrfs! {
    all_that_is_wrong_is_said_at_once {
        |lab| {
            let before = take_picture(lab);
            let ran = gateway(
                "create a/b --path relative --quota lots --user nobodyknows --min-protocol 1 \
                 --mode cloud --json",
            )
            .ended(2);
            let problems = ran.json()["problems"].clone();
            let fields: Vec<&str> = problems
                .as_array()
                .unwrap()
                .iter()
                .map(|problem| problem["field"].as_str().unwrap())
                .collect();
            for field in ["name", "path", "quota", "user", "min-protocol", "mode"] {
                assert!(fields.contains(&field), "{field} of {fields:?}");
            }
            gateway("create media").ended(2).said(&["--quota", "user"]);
            gateway("create media --quota 10M --user nobodyknows")
                .ended(2)
                .said(&["--create-user"]);
            gateway("create global --quota 10M --guest").ended(2).said(&["name"]);
            gateway("create media --quota 10M --guest --path /etc/media").ended(2).said(&["path"]);
            gateway("create media --quota 10M --guest --encrypt sometimes").ended(2);
            gateway("nonsense").ended(2);
            for wrong in ["status", "resize", "delete", "quota-status"] {
                let size = if wrong == "resize" { " 10M" } else { "" };
                gateway(&format!("{wrong} media{size}")).ended(3).said(&["no share `media`"]);
                gateway(&format!("{wrong} a/b{size}")).ended(2);
            }
            gateway("--help").ended(0).said(&["Exit status", "needs attention"]);
            before.assert_same(&take_picture(lab), "nothing was touched");
        }
    }

    configurations_of_all_kinds_come_back_byte_for_byte {
        |lab| {
            add_users(&["alice"]);
            let variants: [Option<&str>; 7] = [
                None,
                Some(""),
                Some("[global]\r\n\tworkgroup = LAB\r\n\tload printers = no\r\n"),
                Some("[global]\n\tworkgroup = \\\n  LAB\n\tlog level = 1 \\\n auth:2\n"),
                Some("[global]\n\tload printers = no\n\tinclude = registry\n"),
                Some("# only shares\n[theirs]\n\tpath = /var/cache/samba\n\tread only = no"),
                Some("; nothing\n[GLOBAL]\n\tload  Printers = no\n[theirs]\npath=/var/cache/samba\n[global]\n\tmax log size = 50\n"),
            ];
            for text in variants {
                let path = "/etc/samba/smb.conf";
                match text {
                    Some(text) => fs::write(path, text).unwrap(),
                    None => fs::remove_file(path).unwrap(),
                }
                gateway("create media --quota 10M --user alice").ended(0);
                smbclient("media", "alice", "ls").succeeded();
                let with = fs::read_to_string(path).unwrap();
                assert_eq!(with.matches("smbgw.conf").count(), 1, "{with}");
                if with.contains("[theirs]") {
                    smbclient("theirs", "alice", "ls").succeeded();
                }
                gateway("delete media --purge --yes").ended(0);
                assert_eq!(fs::read_to_string(path).ok().as_deref(), text);
                assert!(!Path::new("/etc/samba/smbgw.conf").exists());
                assert!(!lab.path("media").exists());
                command("pkill", &["-x", "smbd"]);
                smbgw_testing::wait_until(std::time::Duration::from_secs(20), "its end", || {
                    let ended = Command::new("pgrep").args(["-x", "smbd"]).output().unwrap();
                    (!ended.status.success()).then_some(())
                })
                .unwrap();
            }
        }
    }

    what_samba_knows_already_is_left_alone {
        |lab| {
            add_users(&["alice"]);
            let theirs = "[media]\n\tpath = /var/cache/samba\n";
            fs::write("/etc/samba/smb.conf", format!("{SMB_CONF}{theirs}")).unwrap();
            gateway("create MEDIA --quota 10M --user alice").ended(4).said(&["smb.conf"]);
            fs::write("/etc/samba/more.conf", theirs).unwrap();
            let included = format!("{SMB_CONF}\tinclude = /etc/samba/more.conf\n");
            fs::write("/etc/samba/smb.conf", included).unwrap();
            gateway("create media --quota 10M --user alice").ended(4);
            let place = lab.place.display();
            let around = format!("{SMB_CONF}[around]\n\tpath = {place}\n");
            fs::write("/etc/samba/smb.conf", around).unwrap();
            gateway("create media --quota 10M --user alice").ended(4).said(&["overlaps"]);
            let registry = format!("{SMB_CONF}\tconfig backend = registry\n");
            fs::write("/etc/samba/smb.conf", registry).unwrap();
            gateway("create media --quota 10M --user alice").ended(5).said(&["include = registry"]);
            let broken = format!("{SMB_CONF}\tserver min protocol = SMB2_02\n");
            fs::write("/etc/samba/smb.conf", broken).unwrap();
            gateway("create media --quota 10M --user alice")
                .ended(5)
                .said(&["server min protocol"]);
            assert!(!Path::new("/etc/smbgw").exists() && !lab.path("media").exists());
        }
    }

    accounts_are_made_with_the_password_given_and_go_with_the_share {
        |lab| {
            let before = take_picture(lab);
            let create = ["create", "media", "--quota", "10M", "--user", "carol", "--create-user"];
            gateway_with(&create, "").ended(2).said(&["password"]);
            let with_file = [&create[..], &["--password-file", "-"]].concat();
            gateway_with(&with_file, &format!("{PASSWORD}\n")).ended(0);
            smbclient("media", "carol", "mkdir made").succeeded();
            let wrong = ["-U", "carol%not this one"];
            smbclient_with("media", &wrong, "ls").refused("NT_STATUS_LOGON_FAILURE");
            assert!(command("getent", &["passwd", "carol"]).contains("nologin"));
            gateway("delete media --purge --yes").ended(0);
            assert!(run(Command::new("getent").args(["passwd", "carol"])).is_err());

            fs::write("/srv/secret", format!("{PASSWORD}\r\nanother line\n")).unwrap();
            let with_file = [&create[..], &["--password-file", "/srv/secret"]].concat();
            gateway_with(&with_file, "").ended(0);
            smbclient("media", "carol", "ls").succeeded();
            // Another share uses the account, so it stays.
            gateway("create other --quota 10M --user carol").ended(0);
            gateway("delete media --purge --yes").ended(0);
            smbclient("other", "carol", "ls").succeeded();
            gateway("delete other --purge --yes").ended(0);
            command("smbpasswd", &["-x", "carol"]);
            command("userdel", &["carol"]);
            let differences = before.differences(&take_picture(lab));
            let others = differences.iter().filter(|line| {
                !line.starts_with("smbd:") && !line.starts_with("//localhost/")
            });
            assert_eq!(others.count(), 0, "{differences:#?}");
        }
    }

    a_password_is_nowhere_but_in_the_database_of_samba {
        |_| {
            // A program that is slow enough to look at every process while it runs.
            let gate = Gate::before("/usr/bin/smbpasswd");
            let arguments = [
                "create", "media", "--quota", "10M", "--user", "carol", "--create-user",
            ];
            let mut child = start(&arguments, Stdio::piped());
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(PASSWORD.as_bytes()).unwrap();
            drop(stdin);
            gate.wait();
            let mut seen = 0;
            for entry in fs::read_dir("/proc").unwrap() {
                for file in ["cmdline", "environ"] {
                    let text = fs::read(entry.as_ref().unwrap().path().join(file));
                    let text = text.unwrap_or_default();
                    seen += usize::from(!text.is_empty());
                    assert!(!has_password(&text), "{:?}", String::from_utf8_lossy(&text));
                }
            }
            assert!(seen > 4);
            let journal = fs::read("/var/lib/smbgw/journal/media.jsonl").unwrap();
            assert!(!has_password(&journal));
            assert!(String::from_utf8_lossy(&journal).contains("set-password"));
            gate.open();
            let ran = wait(child).ended(0);
            assert!(!has_password(ran.stdout.as_bytes()) && !has_password(ran.stderr.as_bytes()));
            smbclient("media", "carol", "ls").succeeded();
            for tree in ["/etc/smbgw", "/etc/samba", "/var/lib/smbgw", "/var/log/samba"] {
                let found = Command::new("grep").args(["-r", "-F", "-e", PASSWORD, tree]).output();
                assert!(found.unwrap().stdout.is_empty(), "{tree}");
            }
        }
    }

    guests_readers_and_groups_have_the_rights_they_were_given {
        |_| {
            add_users(&["alice", "bob", "eve"]);
            command("groupadd", &["staff2"]);
            command("usermod", &["-a", "-G", "staff2", "bob"]);
            local_file("small", 1000);

            gateway("create both --quota 10M --user alice --group staff2").ended(0);
            smbclient("both", "alice", "mkdir d; cd d; put small").succeeded();
            // What one created, the other may change: the rights are inherited.
            smbclient("both", "bob", "cd d; put small; mkdir e; put small other").succeeded();
            smbclient("both", "alice", "cd d; put small other; del small; rmdir e").succeeded();
            smbclient("both", "eve", "ls").refused("NT_STATUS_ACCESS_DENIED");
            smbclient_with("both", &["-N"], "ls").refused("NT_STATUS_ACCESS_DENIED");

            gateway("create readable --quota 10M --user alice --read-only").ended(0);
            smbclient("readable", "alice", "ls").succeeded();
            smbclient("readable", "alice", "put small").refused("NT_STATUS_ACCESS_DENIED");

            gateway("create open --quota 10M --guest").ended(0);
            smbclient_with("open", &["-N"], "put small; ls").succeeded();
            smbclient_with("open", &["-U", "stranger%x"], "put small; ls").succeeded();
            // A share for guests opens no other one.
            smbclient_with("both", &["-N"], "ls").refused("NT_STATUS_ACCESS_DENIED");
            gateway("list").ended(0).said(&["@staff2", "everybody", "read only"]);
        }
    }

    the_wire_is_as_safe_as_was_asked_for {
        |_| {
            add_users(&["alice"]);
            let user = format!("alice%{PASSWORD}");
            let plain = ["-U", &user, "--client-protection=sign"];
            gateway("create sealed --quota 10M --user alice --encrypt required").ended(0);
            smbclient("sealed", "alice", "ls").succeeded();
            let old = [
                "-U", &user, "--option=client max protocol=SMB2_10",
            ];
            // The oldest that shares ask for is 3.0.
            assert!(!smbclient_with("sealed", &old, "ls").succeeded);
            gateway("create older --quota 10M --user alice --min-protocol 2.1").ended(0);
            smbclient_with("older", &old, "ls").succeeded();
            // What cannot encrypt is kept out of the share that demands it.
            assert!(!smbclient_with("sealed", &old, "ls").succeeded);
            smbclient_with("older", &plain, "ls").succeeded();
            gateway("delete older --purge --yes").ended(0);
            assert!(!smbclient_with("sealed", &old, "ls").succeeded);
            gateway("create ancient --quota 10M --user alice --min-protocol 1")
                .ended(2)
                .said(&["min-protocol"]);
            let ancient = [
                "-U", &user, "--option=client min protocol=NT1",
                "--option=client max protocol=NT1",
            ];
            assert!(!smbclient_with("sealed", &ancient, "ls").succeeded);
        }
    }

    a_directory_of_the_administrator_keeps_all_that_is_his {
        |lab| {
            add_users(&["alice"]);
            let path = lab.path("mine");
            command("btrfs", &["subvolume", "create", path.to_str().unwrap()]);
            fs::write(path.join("data"), vec![3; 6 * MIB as usize]).unwrap();
            fs::set_permissions(path.join("data"), fs::Permissions::from_mode(0o604)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o1751)).unwrap();
            command("setfacl", &["-m", "u:alice:rwx", path.to_str().unwrap()]);
            let before = take_picture(lab);
            let create = format!("create mine --path {} --user alice", path.display());
            gateway(&format!("{create} --quota 4M")).ended(2).said(&["below", "--force"]);
            before.assert_same(&take_picture(lab), "it was refused");
            gateway(&format!("{create} --quota 4M --force")).ended(0);
            smbclient("mine", "alice", "get data").succeeded();
            local_file("small", 100_000);
            smbclient("mine", "alice", "put small").refused("NT_STATUS_DISK_FULL");
            gateway("resize mine 3M").ended(2).said(&["below"]);
            gateway("resize mine 3M --force").ended(0);
            gateway("resize mine 20M").ended(0);
            smbclient("mine", "alice", "put small; del small").succeeded();
            gateway("delete mine --purge --yes").ended(0);
            let differences = before.differences(&take_picture(lab));
            let others = differences.iter().filter(|line| {
                !line.starts_with("smbd:") && !line.starts_with("//localhost/")
            });
            assert_eq!(others.count(), 0, "{differences:#?}");
            let status = fs::metadata(&path).unwrap();
            assert_eq!(status.mode() & 0o7777, 0o1771, "with the mask of the list");
        }
    }

    only_what_is_below_the_root_is_touched {
        |lab| {
            let root = lab.path("image");
            for dir in ["etc/samba", "srv", "run", "var/lib"] {
                fs::create_dir_all(root.join(dir)).unwrap();
            }
            fs::write(root.join("etc/samba/smb.conf"), SMB_CONF).unwrap();
            fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n").unwrap();
            fs::write(root.join("etc/group"), "root:x:0:\nalice:x:1000:\n").unwrap();
            let outside = || {
                let mut outside = take_picture(lab);
                outside.forget(root.to_str().unwrap());
                outside
            };
            let before = outside();
            let tree = || command("find", &[root.to_str().unwrap(), "-not", "-path", "*/run/*", "-printf", "%p %m %U %G\n"]);
            let inside = tree();
            let root_text = root.display();
            gateway(&format!("--root {root_text} create media --quota 10M --user alice"))
                .ended(0)
                .said(&["nothing was started or probed"]);
            let conf = fs::read_to_string(root.join("etc/samba/smbgw.conf")).unwrap();
            assert!(conf.contains("path = /srv/smb/media"), "{conf}");
            assert!(root.join("srv/smb/media").is_dir());
            let status = gateway(&format!("--root {root_text} status media --json")).ended(0);
            assert_eq!(status.json()["usage"]["limits"]["bytes"], 10 * MIB);
            gateway("list").ended(0).said(&["no shares"]);
            gateway(&format!("--root {root_text} delete media --purge --yes")).ended(0);
            assert_eq!(tree(), inside);
            before.assert_same(&outside(), "outside the root");
        }
    }

    a_file_server_that_died_is_seen {
        |_| {
            add_users(&["alice"]);
            gateway("create media --quota 10M --user alice").ended(0);
            gateway("status media").ended(0).said(&["answers"]);
            command("pkill", &["-KILL", "-x", "smbd"]);
            smbgw_testing::wait_until(std::time::Duration::from_secs(20), "its end", || {
                let left = Command::new("pgrep").args(["-x", "smbd"]).output().unwrap();
                (!left.status.success()).then_some(())
            })
            .unwrap();
            gateway("status media").ended(0).said(&["does not answer", "does not run"]);
            let status = gateway("status media --json").ended(0).json();
            assert_eq!(status["answers"], false);
            assert_eq!(status["findings"][0]["code"], "service.not-running");
        }
    }

    an_operation_that_fails_is_rolled_back {
        |lab| {
            let before = take_picture(lab);
            let broken = Stand::in_for("/usr/bin/smbpasswd", "case $1 in -s) echo no room >&2; exit 1;; esac; exec /run/original-smbpasswd \"$@\"");
            let create = ["create", "media", "--quota", "10M", "--user", "carol", "--create-user"];
            gateway_with(&create, PASSWORD).ended(6).said(&["no room", "as it was before"]);
            drop(broken);
            before.assert_same(&take_picture(lab), "it was rolled back");
        }
    }

    what_cannot_be_undone_is_said_and_recovered_later {
        |lab| {
            let before = take_picture(lab);
            let smbpasswd = Stand::in_for("/usr/bin/smbpasswd", "exit 1");
            let userdel = Stand::in_for("/usr/sbin/userdel", "exit 1");
            let create = ["create", "media", "--quota", "10M", "--user", "carol", "--create-user"];
            gateway_with(&create, PASSWORD).ended(7).said(&["Left behind", "userdel carol"]);
            gateway("recover").ended(7).said(&["userdel carol"]);
            let again = gateway_with(&create, PASSWORD).ended(7);
            again.said(&["recover"]);
            drop((smbpasswd, userdel));
            gateway("recover").ended(0).said(&["create of media: undone"]);
            before.assert_same(&take_picture(lab), "it was recovered");
            gateway("recover").ended(0).said(&["Nothing was interrupted."]);
        }
    }

    what_cannot_be_tried_says_so {
        |_| {
            fs::write("/var/lib/smbgw/journal", "a file").unwrap();
            gateway("create media --quota 10M --guest").ended(1).said(&["/var/lib/smbgw/journal"]);
        }
    }

    a_program_that_was_killed_is_recovered_by_the_next {
        |lab| {
            let before = take_picture(lab);
            let gate = Gate::before("/usr/sbin/useradd");
            let arguments = [
                "create", "media", "--quota", "10M", "--user", "carol", "--create-user",
            ];
            let mut child = start(&arguments, Stdio::piped());
            child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
            gate.wait();
            gateway("list").ended(0).said(&["no shares"]);
            child.kill().unwrap();
            child.wait().unwrap();
            gateway("recover").ended(0).said(&["create of media: undone"]);
            // What the killed program had started does not go on behind the back of the recovery.
            gate.open();
            gate.assert_abandoned();
            before.assert_same(&take_picture(lab), "it was recovered");
        }
    }
}

/// A script in the place of a program, until it is dropped.
struct Stand {
    program: &'static str,
}

impl Stand {
    fn in_for(program: &'static str, script: &str) -> Self {
        let name = Path::new(program).file_name().unwrap().to_str().unwrap();
        let original = format!("/run/original-{name}");
        fs::copy(program, &original).unwrap();
        let stand = format!("/run/stand-{name}");
        fs::write(&stand, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&stand, fs::Permissions::from_mode(0o755)).unwrap();
        command("mount", &["--bind", &stand, program]);
        Self { program }
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        command("umount", &[self.program]);
    }
}

/// A program that says when it is started, and goes on when it is told to.
struct Gate {
    _stand: Stand,
}

impl Gate {
    fn before(program: &'static str) -> Self {
        for pipe in ["/run/started", "/run/go"] {
            command("mkfifo", &[pipe]);
        }
        let name = Path::new(program).file_name().unwrap().to_str().unwrap();
        let script = format!(
            "echo $$ >/run/pid; echo >/run/started; read _ </run/go; exec /run/original-{name} \"$@\""
        );
        Self {
            _stand: Stand::in_for(program, &script),
        }
    }

    /// Waits until the program was started.
    fn wait(&self) {
        let mut line = String::new();
        fs::File::open("/run/started")
            .unwrap()
            .read_to_string(&mut line)
            .unwrap();
    }

    /// Lets it go on, if it is still there.
    fn open(&self) {
        // Opened for reading too, so that this does not wait for a program that is gone.
        let mut go = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/run/go")
            .unwrap();
        go.write_all(b"\n").unwrap();
        // Keeps what is written until it is read.
        std::mem::forget(go);
    }

    /// Fails if the program goes on although who started it is gone.
    fn assert_abandoned(&self) {
        let pid = fs::read_to_string("/run/pid").unwrap();
        let status = format!("/proc/{}/status", pid.trim());
        let is_there = || fs::read_to_string(&status).is_ok_and(|text| !text.contains("State:\tZ"));
        smbgw_testing::wait_until(std::time::Duration::from_secs(20), "the end", || {
            (!is_there()).then_some(())
        })
        .unwrap();
    }
}

fn has_password(text: &[u8]) -> bool {
    text.windows(PASSWORD.len())
        .any(|window| window == PASSWORD.as_bytes())
}
