//! Commands run to their end, to their deadline, or not at all.

use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::{Command, CommandError, Host, LocalHost};
use smbgw_core::secret::Secret;

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

#[test]
fn arguments_arrive_as_they_are() {
    let command = Command::new("printf").args(["%s|", "a b", "$HOME", "`id`", "'", ""]);
    let output = LocalHost::new().run(&command, deadline()).unwrap();
    assert_eq!(output.text(), "a b|$HOME|`id`|'||");
    assert_eq!(
        command.to_string(),
        r"printf '%s|' 'a b' '$HOME' '`id`' ''\''' ''"
    );
}

#[test]
fn the_environment_is_the_same_for_every_caller() {
    let output = LocalHost::new()
        .run(&Command::new("env"), deadline())
        .unwrap();
    let text = output.text();
    let mut names: Vec<_> = text
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LC_ALL", "PATH"]);
}

#[test]
fn a_failure_says_what_failed_and_how() {
    let command = Command::new("ls").arg("/nonexistent");
    let error = LocalHost::new().run(&command, deadline()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`ls /nonexistent`") && text.contains("exit status: 2"),
        "{text}"
    );
    assert!(text.contains("No such file"), "{text}");
    assert_eq!(error.code(), "host.command-failed");
    let accepted = LocalHost::new()
        .run(&command.accept(&[2]), deadline())
        .unwrap();
    assert_eq!(accepted.status, 2);
}

#[test]
fn a_missing_program_is_told_with_its_package() {
    let error = LocalHost::new()
        .run(&Command::new("no-such-tool"), deadline())
        .unwrap_err();
    assert!(matches!(
        error,
        CommandError::NotInstalled {
            program: "no-such-tool",
            ..
        }
    ));
}

#[test]
fn a_secret_goes_in_by_standard_input_and_nowhere_else() {
    let command = Command::new("cat").stdin_secret(Secret::from("hunter2\n".to_string()));
    assert!(!format!("{command} {command:?}").contains("hunter2"));
    assert_eq!(
        LocalHost::new().run(&command, deadline()).unwrap().text(),
        "hunter2\n"
    );
}

#[test]
fn input_that_nobody_reads_harms_nobody() {
    let command = Command::new("true").stdin(vec![b'x'; 4 << 20]);
    LocalHost::new().run(&command, deadline()).unwrap();
}

#[test]
fn much_output_on_both_streams_is_no_deadlock() {
    let script = "i=0; while [ $i -lt 20000 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done";
    let command = Command::new("sh").args(["-c", script]);
    let output = LocalHost::new().run(&command, deadline()).unwrap();
    assert!(output.stdout.ends_with(b"out19999\n") && output.stderr.ends_with(b"err19999\n"));
}

#[test]
fn output_without_end_is_stopped() {
    let error = LocalHost::new()
        .run(&Command::new("yes"), deadline())
        .unwrap_err();
    assert!(
        matches!(error, CommandError::TooMuchOutput { .. }),
        "{error}"
    );
}

#[test]
fn what_a_command_started_ends_with_it_at_the_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {}; wait", pid_file.display());
    let command = Command::new("sh").args(["-c", &script]);
    let soon = Deadline::after(Duration::from_secs(2));
    let error = LocalHost::new().run(&command, soon).unwrap_err();
    assert!(matches!(error, CommandError::TimedOut { .. }), "{error}");
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let status = std::path::PathBuf::from(format!("/proc/{}/stat", pid.trim()));
    let end = Deadline::after(Duration::from_secs(30));
    // Process 1 of a container may be slow to reap it; a zombie runs no more.
    while std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(!end.has_passed(), "the sleep goes on");
        std::thread::yield_now();
    }
}

#[test]
fn a_daemon_that_keeps_the_pipes_open_is_not_waited_for() {
    let command = Command::new("sh").args(["-c", "sleep 5 & echo started"]);
    let begin = std::time::Instant::now();
    let output = LocalHost::new().run(&command, deadline()).unwrap();
    assert_eq!(output.text(), "started\n");
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "it was waited for"
    );
}

#[test]
fn nothing_is_left_open() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    LocalHost::new()
        .run(&Command::new("true"), deadline())
        .unwrap();
    let host = LocalHost::new();
    let before = open();
    for _ in 0..50 {
        host.run(&Command::new("true").stdin(b"x".to_vec()), deadline())
            .unwrap();
    }
    // Other tests of this binary have files open for moments.
    assert!(open() < before + 50);
}

/// A script in a directory that nobody else can write to.
fn script(mode: u32, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a script");
    // Written by another process: a program started at this moment by another test would inherit
    // the open file, and what is open for writing cannot be run.
    let mut target = std::ffi::OsString::from("of=");
    target.push(&path);
    let write = Command::new("dd").arg(target).stdin(text.into());
    LocalHost::new().run(&write, deadline()).unwrap();
    chmod(&path, mode);
    (dir, path)
}

fn chmod(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_administrators_program_runs_under_the_same_rules() {
    let (dir, path) = script(0o755, "#!/bin/sh\necho \"$@\"; cat; env; pwd\n");
    let command = Command::at(&path).arg("one two").stdin(b"in\n".to_vec());
    assert_eq!(
        command.to_string(),
        format!("'{}' 'one two'", path.display())
    );
    let text = LocalHost::new().run(&command, deadline()).unwrap().text();
    assert!(text.starts_with("one two\nin\n"), "{text}");
    assert!(text.ends_with("/\n") && !text.contains("CARGO"), "{text}");

    // By a link that belongs to the same user, too.
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("a script", &link).unwrap();
    LocalHost::new()
        .run(&Command::at(link), deadline())
        .unwrap();
}

#[test]
fn a_program_that_others_can_change_is_not_run() {
    let refused = |command: Command| {
        let error = LocalHost::new().run(&command, deadline()).unwrap_err();
        assert_eq!(error.code(), "host.program-untrusted", "{error}");
        (error.to_string(), error.remedy().unwrap())
    };
    let (dir, path) = script(0o775, "#!/bin/sh\n");
    let shown = path.display();
    assert_eq!(
        refused(Command::at(&path)),
        (
            format!("the program `{shown}` was not run, because others may write to `{shown}`"),
            format!("run `chmod go-w '{shown}'`")
        )
    );
    chmod(&path, 0o755);
    chmod(dir.path(), 0o777);
    let (text, _) = refused(Command::at(&path));
    let place = dir.path().display();
    assert!(
        text.ends_with(&format!("others may write to `{place}`")),
        "{text}"
    );
    // As in /tmp, where the directory above the script is.
    chmod(dir.path(), 0o1777);
    LocalHost::new()
        .run(&Command::at(&path), deadline())
        .unwrap();

    let (text, _) = refused(Command::at(dir.path()));
    assert!(text.contains("not a regular file"), "{text}");
    let (text, _) = refused(Command::at("true"));
    assert!(text.contains("not absolute"), "{text}");
}

#[test]
fn a_program_that_is_not_there_or_no_program_is_told() {
    let (_dir, path) = script(0o644, "text");
    for path in [path.as_path(), std::path::Path::new("/nonexistent/hook")] {
        let error = LocalHost::new()
            .run(&Command::at(path), deadline())
            .unwrap_err();
        assert_eq!(error.code(), "host.command-not-started", "{error}");
    }
}

#[test]
fn links_that_lead_round_are_not_followed_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("round");
    std::os::unix::fs::symlink("round", &link).unwrap();
    let error = LocalHost::new()
        .run(&Command::at(link), deadline())
        .unwrap_err();
    assert_eq!(error.code(), "host.command-not-started", "{error}");
}
