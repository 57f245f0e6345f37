//! What reading usages costs, side by side with the system call alone and with the tools of the
//! distribution: medians of one run on one machine (root; `make bench`).

#![allow(clippy::print_stdout)]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use smbgw_core::deadline::Deadline;
use smbgw_core::host::LocalHost;
use smbgw_core::ports::{self, Handle, Limits, Origin, Storage, Volume};
use smbgw_quota::{FIRST_ID, Project, ProjectQuotas, QuotaStorage, tree};
use smbgw_testing::{Capability, Filesystem, MIB, Scratch};

const PROJECTS: u32 = 1000;
const DATASETS: usize = 200;

fn main() {
    let kinds = [
        (
            Capability::Ext4Prjquota,
            Filesystem::Ext4Enforced,
            ports::Filesystem::Ext4,
        ),
        (
            Capability::XfsPquota,
            Filesystem::XfsEnforced,
            ports::Filesystem::Xfs,
        ),
    ];
    for (capability, scratch, filesystem) in kinds {
        match capability.available() {
            Ok(()) => projects(scratch, filesystem),
            Err(why) => println!("SKIPPED {filesystem}: {why}"),
        }
    }
    match Capability::Zfs.available() {
        Ok(()) => datasets(),
        Err(why) => println!("SKIPPED zfs: {why}"),
    }
}

fn projects(scratch: Filesystem, filesystem: ports::Filesystem) {
    println!("{filesystem}, {PROJECTS} projects");
    let disk = Scratch::new(scratch, 600 * MIB).unwrap();
    let quotas = ProjectQuotas::open(disk.path()).unwrap();
    let volumes: Vec<Volume> = (0..PROJECTS)
        .map(|number| {
            let path = disk.path().join(format!("p{number}"));
            let id = FIRST_ID + number;
            fs::create_dir(&path).unwrap();
            tree::mark(&path, id, soon()).unwrap();
            fs::write(path.join("file"), [7; 4096]).unwrap();
            quotas.set_limits(id, Limits::of_bytes(4 * MIB)).unwrap();
            Volume {
                path,
                filesystem,
                handle: Handle::Project {
                    id,
                    name: format!("smbgw-p{number}"),
                },
                origin: Origin::Created,
            }
        })
        .collect();
    command("sync", &[]);

    let host = LocalHost::new();
    let storage = QuotaStorage::new(&host);
    let id = FIRST_ID + PROJECTS / 2;
    let volume = &volumes[(PROJECTS / 2) as usize];
    let dir = fs::File::open(disk.path()).unwrap();
    let bare = median(2000, || bare_call(&dir, id));
    let get = median(2000, || quotas.get(id).unwrap());
    let opened = median(500, || {
        Project::open(&volume.path).unwrap().usage().unwrap()
    });
    let through_port = median(500, || storage.usage(volume, soon()).unwrap());
    let shown = id.to_string();
    let process = median(30, || command("quota", &["-w", "-p", "-P", &shown]));
    show("one usage: system call alone", bare);
    show("one usage: ProjectQuotas::get", get);
    show("one usage: Project::open(path).usage()", opened);
    show("one usage: Storage::usage", through_port);
    show("one usage: quota -P", process);
    ratio("ProjectQuotas::get / system call", get, bare, "at most 2");
    ratio(
        "quota -P / ProjectQuotas::get",
        process,
        get,
        "at least 500",
    );

    let alone = median(20, || {
        for number in 0..PROJECTS {
            bare_call(&dir, FIRST_ID + number);
        }
    });
    let next = median(20, || {
        let mut id = 0;
        while let Some(found) = bare_next(&dir, id) {
            id = found + 1;
        }
    });
    let listed = median(20, || quotas.iter().map(Result::unwrap).count());
    assert!(quotas.iter().count() > PROJECTS as usize);
    let wanted: Vec<&Volume> = volumes.iter().collect();
    let usages = median(20, || storage.usages(&wanted, soon()));
    let mount_point = disk.path().to_str().unwrap();
    let names = median(10, || command("repquota", &["-P", mount_point]));
    let numbers = median(10, || command("repquota", &["-P", "-n", mount_point]));
    show("all usages: system calls alone", alone);
    show("all usages: system calls for the next", next);
    show("all usages: ProjectQuotas::iter", listed);
    show("all usages: Storage::usages", usages);
    show("all usages: repquota -P", names);
    show("all usages: repquota -P -n", numbers);
    ratio(
        "ProjectQuotas::iter / system calls",
        listed,
        next,
        "at most 2",
    );
    // `repquota` makes the same calls for the next project. Where they are dear, as all system
    // calls are in User-Mode Linux and these are on ext4, they bound this ratio.
    ratio("repquota -P / iter", names, listed, "at least 5");
    ratio("repquota -P -n / iter", numbers, listed, "at least 5");
}

fn datasets() {
    println!("zfs, {DATASETS} datasets");
    let disk = Scratch::new(Filesystem::Zfs, 1024 * MIB).unwrap();
    let pool = disk.source().display().to_string();
    let volumes: Vec<Volume> = (0..DATASETS)
        .map(|number| {
            let name = format!("{pool}/d{number}");
            command("zfs", &["create", "-o", "refquota=4M", &name]);
            Volume {
                path: disk.path().join(format!("d{number}")),
                filesystem: ports::Filesystem::Zfs,
                handle: Handle::Dataset {
                    name,
                    with_snapshots: false,
                },
                origin: Origin::Created,
            }
        })
        .collect();
    let host = LocalHost::new();
    let storage = QuotaStorage::new(&host).without_sync();
    let wanted: Vec<&Volume> = volumes.iter().collect();
    let together = median(5, || {
        for usage in storage.usages(&wanted, soon()) {
            usage.unwrap();
        }
    });
    let single = median(20, || storage.usage(&volumes[7], soon()).unwrap());
    show("all usages: one command", together);
    show("one usage: one command", single);
    let alone = single * DATASETS as u32;
    ratio("one by one / together", alone, together, "any");
}

/// `quotactl_fd(fd, Q_GETQUOTA | PRJQUOTA, id)` and nothing else.
fn bare_call(dir: &fs::File, id: u32) -> u64 {
    bare(dir, 0x0080_0007, id).unwrap()[2]
}

/// The same with `Q_GETNEXTQUOTA`: the first project from `id` on.
fn bare_next(dir: &fs::File, id: u32) -> Option<u32> {
    // The number is the last of the fields, of 4 bytes.
    bare(dir, 0x0080_0009, id).map(|quota| (quota[8] >> 32) as u32)
}

#[allow(unsafe_code)]
fn bare(dir: &fs::File, call: u32, id: u32) -> Option<[u64; 9]> {
    use std::os::fd::AsRawFd;
    let mut quota = [0u64; 9];
    // SAFETY: the kernel writes a `struct if_dqblk` or `if_nextdqblk`; both have 72 bytes.
    let result = unsafe {
        libc::syscall(
            libc::SYS_quotactl_fd,
            dir.as_raw_fd(),
            call << 8 | 2, // of projects
            id,
            quota.as_mut_ptr(),
        )
    };
    (result == 0).then_some(quota)
}

fn median<T>(count: usize, mut work: impl FnMut() -> T) -> Duration {
    black_box(work());
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[count / 2]
}

fn show(what: &str, time: Duration) {
    println!("  {what:<40} {:>12.1} us", time.as_secs_f64() * 1e6);
}

fn ratio(what: &str, more: Duration, less: Duration, goal: &str) {
    let ratio = more.as_secs_f64() / less.as_secs_f64();
    println!("  {what:<40} {ratio:>12.1} x   (goal: {goal})");
}

fn command(program: &str, args: &[&str]) {
    // Limits that are passed make `quota` end with status 1; none is here.
    let status = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .current_dir(Path::new("/"))
        .status()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(status.success(), "{program} {args:?}: {status}");
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(300))
}
