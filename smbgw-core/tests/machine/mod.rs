//! What any machine behind the `Host` trait does, whatever leads to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::{
    Command, CommandError, FileKind, Host, LockError, create_dirs, missing_dirs,
};
use smbgw_core::secret::Secret;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

fn run(host: &dyn Host, program: &'static str, arguments: &[&str]) -> String {
    let command = Command::new(program).args(arguments.iter().copied());
    host.run(&command, soon()).unwrap().text()
}

/// Files and directories below `dir`, which is there and empty, on a file system with extended
/// attributes; the caller is root there.
pub(crate) fn check_files(host: &dyn Host, dir: &Path) {
    contents(host, &dir.join("file"));
    attributes_stay(host, &dir.join("kept"));
    links(host, &dir.join("links"));
    directories(host, &dir.join("dirs"));
    names(host, &dir.join("names"));
    refusals(host, dir);
}

fn contents(host: &dyn Host, path: &Path) {
    assert_eq!(host.read(path).unwrap(), None);
    assert_eq!(host.status(path).unwrap(), None);
    assert_eq!(host.write(path, b"one", 0o640).unwrap(), Change::Created);
    assert_eq!(host.write(path, b"one", 0o600).unwrap(), Change::Unchanged);
    let before = host.status(path).unwrap().unwrap();
    assert_eq!((before.kind, before.mode), (FileKind::File, 0o640));
    assert_eq!((before.uid, before.gid, before.size), (0, 0, 3));
    let every_byte: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    assert_eq!(
        host.write(path, &every_byte, 0o600).unwrap(),
        Change::Updated
    );
    assert!(host.read(path).unwrap().unwrap() == every_byte);
    let after = host.status(path).unwrap().unwrap();
    assert_eq!((after.mode, after.size), (0o640, 300_000));
    assert_eq!(after.device, before.device);
    assert!(after.inode != before.inode && after.changed_at >= before.changed_at);

    let log = path.with_file_name("log");
    host.append(&log, b"one", 0o600).unwrap();
    host.append(&log, b"two", 0o644).unwrap();
    assert_eq!(host.read(&log).unwrap().unwrap(), b"one\ntwo\n");
    assert_eq!(host.status(&log).unwrap().unwrap().mode, 0o600);
    assert_eq!(host.remove(&log).unwrap(), Change::Removed);

    // What a crash left is removed by the next one, or by itself.
    let half = path.with_file_name(".file.smbgw-new");
    host.write(&half, b"half", 0o644).unwrap();
    assert_eq!(host.remove_temporary(path).unwrap(), Change::Removed);
    assert_eq!(host.remove_temporary(path).unwrap(), Change::Unchanged);
    host.write(&half, b"half", 0o644).unwrap();
    host.write(path, b"whole", 0o600).unwrap();
    assert_eq!(host.list(path.parent().unwrap()).unwrap(), ["file"]);
    assert_eq!(host.remove(path).unwrap(), Change::Removed);
    assert_eq!(host.remove(path).unwrap(), Change::Unchanged);
    assert!(host.list(path.parent().unwrap()).unwrap().is_empty());
}

fn attributes_stay(host: &dyn Host, path: &Path) {
    host.write(path, b"one", 0o600).unwrap();
    assert_eq!(host.set_owner(path, 1234, 4321).unwrap(), Change::Updated);
    assert_eq!(host.set_owner(path, 1234, 4321).unwrap(), Change::Unchanged);
    assert_eq!(host.set_mode(path, 0o4751).unwrap(), Change::Updated);
    assert_eq!(host.set_mode(path, 0o4751).unwrap(), Change::Unchanged);
    // Trusted attributes are root's, and files in memory have them too.
    let value: &[u8] = b"kept\0\xff";
    let name = "trusted.note";
    assert_eq!(host.xattr(path, name).unwrap(), None);
    assert_eq!(
        host.set_xattr(path, name, Some(value)).unwrap(),
        Change::Updated
    );
    assert_eq!(
        host.set_xattr(path, name, Some(value)).unwrap(),
        Change::Unchanged
    );
    host.write(path, b"two", 0o644).unwrap();
    let status = host.status(path).unwrap().unwrap();
    assert_eq!((status.uid, status.gid, status.mode), (1234, 4321, 0o4751));
    assert_eq!(host.xattr(path, name).unwrap().as_deref(), Some(value));
    assert_eq!(host.set_xattr(path, name, None).unwrap(), Change::Updated);
    assert_eq!(host.set_xattr(path, name, None).unwrap(), Change::Unchanged);
    let text = path.to_str().unwrap();
    run(host, "setfacl", &["-m", "u:1235:rw", text]);
    let rights = run(host, "getfacl", &["--absolute-names", text]);
    host.write(path, b"three", 0o644).unwrap();
    assert_eq!(run(host, "getfacl", &["--absolute-names", text]), rights);
    let unknown = host.xattr(path, "nonsense.note").unwrap_err();
    assert!(unknown.is_unsupported(), "{unknown:?}");
    host.remove(path).unwrap();
}

fn links(host: &dyn Host, dir: &Path) {
    host.create_dir(dir, 0o755).unwrap();
    let (real, link) = (dir.join("real"), dir.join("link"));
    host.write(&real, b"one", 0o644).unwrap();
    let dangling = dir.join("dangling");
    for (target, name) in [("real", &link), ("nowhere", &dangling)] {
        run(host, "ln", &["-s", target, name.to_str().unwrap()]);
    }
    assert_eq!(host.read(&link).unwrap().unwrap(), b"one");
    assert_eq!(host.write(&link, b"two", 0o644).unwrap(), Change::Updated);
    assert_eq!(host.read(&real).unwrap().unwrap(), b"two");
    let kind = host.status(&link).unwrap().unwrap().kind;
    assert_eq!(kind, FileKind::Symlink);
    let refused = [
        host.set_mode(&link, 0o600).unwrap_err(),
        host.set_owner(&link, 1, 1).unwrap_err(),
        host.append(&link, b"line", 0o600).unwrap_err(),
        host.write(&dangling, b"new", 0o600).unwrap_err(),
        host.empty_dir(&link, soon()).unwrap_err(),
    ];
    for error in refused {
        assert!(error.source.raw_os_error().is_some(), "{error:?}");
    }
    assert_eq!(host.read(&dangling).unwrap(), None);
    assert_eq!(host.remove(&link).unwrap(), Change::Removed);
    assert_eq!(host.read(&real).unwrap().unwrap(), b"two");
    assert_eq!(host.empty_dir(dir, soon()).unwrap(), Change::Removed);
    assert_eq!(host.remove_dir(dir).unwrap(), Change::Removed);
}

fn directories(host: &dyn Host, dir: &Path) {
    let deep = dir.join("b/c");
    assert_eq!(missing_dirs(host, &deep).unwrap().len(), 3);
    assert_eq!(create_dirs(host, &deep, 0o2775).unwrap().len(), 3);
    assert!(create_dirs(host, &deep, 0o755).unwrap().is_empty());
    let made = host.status(&deep).unwrap().unwrap();
    assert_eq!((made.kind, made.mode), (FileKind::Directory, 0o2775));
    host.write(&dir.join("b/file"), b"", 0o644).unwrap();
    assert_eq!(host.remove_dir(&dir.join("b")).unwrap(), Change::Unchanged);
    assert_eq!(host.remove_dir(&deep).unwrap(), Change::Removed);
    assert_eq!(host.remove_dir(&deep).unwrap(), Change::Unchanged);
    assert!(host.create_dir(&dir.join("b/file"), 0o755).is_err());
    assert!(host.list(&dir.join("b/file")).is_err());
    assert!(host.list(&dir.join("none")).unwrap().is_empty());

    // Emptying follows no link, and leaves what another file system has.
    let theirs = dir.with_file_name("theirs");
    host.write(&theirs, b"theirs", 0o644).unwrap();
    run(
        host,
        "ln",
        &[
            "-s",
            theirs.to_str().unwrap(),
            dir.join("b/out").to_str().unwrap(),
        ],
    );
    create_dirs(host, &dir.join("b/d/e/f"), 0o755).unwrap();
    host.write(&dir.join("b/d/e/f/g"), b"", 0o644).unwrap();
    assert_eq!(host.empty_dir(dir, soon()).unwrap(), Change::Removed);
    assert_eq!(host.empty_dir(dir, soon()).unwrap(), Change::Unchanged);
    assert!(host.list(dir).unwrap().is_empty());
    assert_eq!(host.remove(&theirs).unwrap(), Change::Removed);
    assert_eq!(host.remove_dir(dir).unwrap(), Change::Removed);
    assert_eq!(host.empty_dir(dir, soon()).unwrap(), Change::Unchanged);
}

fn names(host: &dyn Host, dir: &Path) {
    host.create_dir(dir, 0o755).unwrap();
    let strange = [
        "a b",
        "$(id)",
        "'quoted\"",
        "-rf",
        "line\nbreak",
        "ü",
        "*",
        "b;c`d`",
    ];
    for name in strange {
        host.write(&dir.join(name), name.as_bytes(), 0o644).unwrap();
    }
    host.write(&dir.join(".hidden.json"), b"", 0o644).unwrap();
    host.write(&dir.join("one.json"), b"1", 0o644).unwrap();
    host.write(&dir.join("two.json"), b"2", 0o644).unwrap();
    let listed = host.list(dir).unwrap();
    assert!(listed.is_sorted() && listed.len() == strange.len() + 3);
    for name in strange {
        assert!(listed.iter().any(|found| found == name), "{name}");
        let content = host.read(&dir.join(name)).unwrap().unwrap();
        assert_eq!(content, name.as_bytes());
    }
    let [one, two] = [("one.json", b"1"), ("two.json", b"2")];
    let found = host.read_files(dir, ".json").unwrap();
    let expected = [one, two].map(|(name, content)| (name.to_owned(), content.to_vec()));
    assert_eq!(found, expected);
    assert!(host.read_files(&dir.join("none"), "").unwrap().is_empty());
    host.empty_dir(dir, soon()).unwrap();
    host.remove_dir(dir).unwrap();
}

fn refusals(host: &dyn Host, dir: &Path) {
    let nowhere = dir.join("none/file");
    assert_eq!(host.read(&nowhere).unwrap(), None);
    assert_eq!(host.remove(&nowhere).unwrap(), Change::Unchanged);
    let write = host.write(&nowhere, b"", 0o644).unwrap_err();
    assert_eq!(write.source.kind(), std::io::ErrorKind::NotFound);
    assert_eq!(
        write.to_string(),
        format!("cannot write `{}`", nowhere.display())
    );
    assert_eq!(write.code(), "host.file");
    for path in ["relative", "/a/../b"].map(Path::new) {
        assert!(host.read(path).is_err(), "{}", path.display());
        assert!(host.write(path, b"", 0o644).is_err());
    }
    let error = host.read(dir).unwrap_err();
    assert!(
        error.source.to_string().contains("regular file"),
        "{error:?}"
    );
    assert!(host.remove(dir).is_err() && host.status(dir).unwrap().is_some());
    let late = Deadline::after(Duration::ZERO);
    host.write(&dir.join("file"), b"", 0o644).unwrap();
    assert!(host.empty_dir(dir, late).is_err());
    host.remove(&dir.join("file")).unwrap();
}

/// Commands, with files of theirs below `dir`.
pub(crate) fn check_commands(host: &dyn Host, dir: &Path) {
    input_and_output(host);
    failures(host);
    programs_of_administrators(host, dir);
    what_takes_too_long(host, dir);
}

fn input_and_output(host: &dyn Host) {
    let words = [
        "%s|", "a b", "$HOME", "`id`", "'", "", "-n", "ü", "*", "a\nb", "\\",
    ];
    assert_eq!(
        run(host, "printf", &words),
        "a b|$HOME|`id`|'||-n|ü|*|a\nb|\\|"
    );
    let environment = run(host, "env", &[]);
    let mut names: Vec<_> = environment
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LC_ALL", "PATH"]);
    assert_eq!(run(host, "pwd", &[]), "/\n");
    assert!(host.tool("sh").unwrap().ends_with("sh"));

    let every_byte: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let cat = Command::new("cat").stdin(every_byte.clone());
    assert!(host.run(&cat, soon()).unwrap().stdout == every_byte);
    // It is a file that may be opened by its path, and read again.
    let twice = Command::new("cat")
        .args(["/proc/self/fd/0", "/dev/stdin"])
        .stdin_secret(Secret::from("hunter2".to_owned()));
    assert_eq!(host.run(&twice, soon()).unwrap().text(), "hunter2hunter2");
    assert_eq!(run(host, "cat", &[]), "");
    let unread = Command::new("true").stdin(vec![b'x'; 500_000]);
    host.run(&unread, soon()).unwrap();
    let both = "i=0; while [ $i -lt 3000 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done";
    let output = host
        .run(&Command::new("sh").args(["-c", both]), soon())
        .unwrap();
    assert!(output.stdout.ends_with(b"out2999\n") && output.stderr.ends_with(b"err2999\n"));
}

fn failures(host: &dyn Host) {
    let missing = Command::new("ls").arg("/nonexistent");
    let error = host.run(&missing, soon()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`ls /nonexistent`") && text.contains("exit status: 2"));
    assert!(error.stderr().contains("No such file"), "{text}");
    assert_eq!(error.code(), "host.command-failed");
    let accepted = host.run(&missing.accept(&[2]), soon()).unwrap();
    assert_eq!(accepted.status, 2);
    // What ssh, env and a shell end with for their own part is a command's own here.
    for status in [255, 127, 126, 124, 1] {
        let script = format!("exit {status}");
        let command = Command::new("sh").args(["-c", &script]).accept(&[status]);
        assert_eq!(host.run(&command, soon()).unwrap().status, status);
    }
    let killed = Command::new("sh").args(["-c", "kill -9 $$"]);
    let error = host.run(&killed, soon()).unwrap_err();
    assert!(error.to_string().contains("signal: 9"), "{error}");

    let none = host.run(&Command::new("no-such-tool"), soon()).unwrap_err();
    let CommandError::NotInstalled { program, host: on } = &none else {
        panic!("{none}")
    };
    assert_eq!((*program, on.as_str()), ("no-such-tool", host.name()));
    assert!(matches!(
        host.tool("no-such-tool"),
        Err(CommandError::NotInstalled { .. })
    ));
}

fn programs_of_administrators(host: &dyn Host, dir: &Path) {
    let program = dir.join("program");
    host.write(&program, b"#!/bin/sh\necho \"ran $1\"\n", 0o755)
        .unwrap();
    let command = Command::at(&program).arg("it");
    assert_eq!(host.run(&command, soon()).unwrap().text(), "ran it\n");
    host.set_mode(&program, 0o644).unwrap();
    let error = host.run(&command, soon()).unwrap_err();
    assert!(matches!(error, CommandError::Start { .. }) || host.local_path(dir).is_some());
    host.remove(&program).unwrap();
}

fn what_takes_too_long(host: &dyn Host, dir: &Path) {
    let pid_file = dir.join("pid");
    let script = format!("sleep 1000 & echo $! > {}; wait", pid_file.display());
    let command = Command::new("sh").args(["-c", &script]);
    let deadline = Deadline::after(Duration::from_secs(2));
    let error = host.run(&command, deadline).unwrap_err();
    assert!(matches!(error, CommandError::TimedOut { .. }), "{error}");
    await_end(host, &pid_file);
    // What it leaves behind on purpose holds nobody up.
    let leaving = format!("sleep 1000 & echo $! > {}", pid_file.display());
    let command = Command::new("sh").args(["-c", &leaving]);
    host.run(&command, soon()).unwrap();
    let pid = String::from_utf8(host.read(&pid_file).unwrap().unwrap()).unwrap();
    run(host, "kill", &["-9", pid.trim()]);
    host.remove(&pid_file).unwrap();
}

/// Waits until the process whose number is in `pid_file` has ended.
pub(crate) fn await_end(host: &dyn Host, pid_file: &Path) {
    let pid = String::from_utf8(host.read(pid_file).unwrap().unwrap()).unwrap();
    let stat = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
    let end = Deadline::after(Duration::from_secs(60));
    // Process 1 may be slow to collect it; a zombie runs no more.
    while !pid.trim().is_empty()
        && let Ok(Some(stat)) = host.read(&stat)
        && !String::from_utf8_lossy(&stat).contains(") Z ")
    {
        assert!(!end.has_passed(), "process {} goes on", pid.trim());
    }
}

/// Locks.
pub(crate) fn check_locks(host: &dyn Host) {
    let hurried = || Deadline::after(Duration::from_millis(50));
    let lock = host.lock("conformance", "the first", soon()).unwrap();
    let other = host.lock("conformance-other", "another", soon()).unwrap();
    let error = host
        .lock("conformance", "the second", hurried())
        .unwrap_err();
    let LockError::Held { holder, path } = &error else {
        panic!("{error}")
    };
    assert!(holder.contains(&std::process::id().to_string()) && holder.contains("the first"));
    assert_eq!(path, Path::new("/run/smbgw/conformance.lock"));
    assert_eq!(error.code(), "host.locked");
    let kept = host.status(path).unwrap().unwrap();
    assert_eq!((kept.kind, kept.mode), (FileKind::File, 0o600));
    drop(lock);
    drop(host.lock("conformance", "the third", hurried()).unwrap());
    drop(other);

    // Who waits gets it when the holder gives it away.
    let held = host.lock("conformance", "the first", soon()).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| host.lock("conformance", "the second", soon()).is_ok());
        drop(held);
        assert!(waiting.join().unwrap());
    });
}
