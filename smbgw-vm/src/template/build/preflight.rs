//! What is looked at before a template is built, so that all problems are told at once.

use std::path::Path;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host::{Command, Host};
use smbgw_core::size::ByteSize;

use super::{BuildRequest, boot};
use crate::code::Code;
use crate::template::error::TemplateError;
use crate::template::request::{of_mirror, of_packages, of_size, of_tags};
use crate::template::store::TemplateStore;

/// What a build takes at most while it works, beside packages that were asked for.
const ROOM: ByteSize = ByteSize::from_mib(2560);

/// The programs that a build calls, each with its Debian package.
const TOOLS: &[(&str, &str)] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("unshare", "util-linux"),
    ("apt-get", "apt"),
    ("chroot", "coreutils"),
    ("find", "findutils"),
    ("sfdisk", "fdisk"),
    ("mke2fs", "e2fsprogs"),
    ("dumpe2fs", "e2fsprogs"),
    ("debugfs", "e2fsprogs"),
    ("mkfs.vfat", "dosfstools"),
    ("mcopy", "mtools"),
    ("mmd", "mtools"),
    ("grub-mkimage", "grub-common"),
    ("qemu-img", "qemu-utils"),
];

pub(super) fn check(
    store: &TemplateStore<'_>,
    request: &BuildRequest,
    deadline: Deadline,
) -> Result<(), TemplateError> {
    let mut problems = of_the_request(request);
    problems.extend(of_the_machine(store, deadline)?);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(TemplateError::Refused(problems))
    }
}

fn of_the_request(request: &BuildRequest) -> Vec<Problem> {
    let mut problems = Vec::from_iter(of_size(request.size));
    problems.extend(of_packages(&request.packages));
    problems.extend(of_tags(&request.tags));
    for (field, mirror) in [
        ("mirror", &request.mirror),
        ("security_mirror", &request.security_mirror),
    ] {
        problems.extend(of_mirror(field, mirror.as_deref()));
    }
    problems
}

fn of_the_machine(
    store: &TemplateStore<'_>,
    deadline: Deadline,
) -> Result<Vec<Problem>, TemplateError> {
    let host = store.host();
    let mut problems = Vec::new();
    for (tool, package) in TOOLS {
        if let Err(error) = host.tool(tool) {
            let problem = Problem::from_error("machine", &error);
            problems.push(problem.remedy(format!("run `apt-get install {package}`")));
        }
    }
    for (folder, package) in boot::FOLDERS {
        if host.status(Path::new(folder))?.is_none() {
            let message = format!("there is no `{folder}`, so no boot loader can be made");
            problems.push(
                unsupported(Code::TemplateTools, message)
                    .remedy(format!("run `apt-get install {package}`")),
            );
        }
    }
    let machine = host.run(&Command::new("uname").arg("-m"), deadline)?.text();
    if machine.trim() != "x86_64" {
        let message = format!(
            "templates are for x86_64, and the packages cannot be set up on {}",
            machine.trim()
        );
        problems.push(unsupported(Code::TemplateTools, message));
    }
    let free = free_bytes(host, store.path(), deadline)?;
    if free < ROOM.bytes() {
        let message = format!(
            "`{}` has {} free, and building a template takes up to {ROOM}",
            store.path().display(),
            ByteSize::from_bytes(free)
        );
        problems.push(unsupported(Code::TemplateRoom, message).remedy(Code::TemplateRoom.fix()));
    }
    Ok(problems)
}

fn unsupported(code: Code, message: String) -> Problem {
    Problem::invalid("machine", code.as_str(), message).kind(ErrorKind::Unsupported)
}

/// What is free where `path` is, or will be.
fn free_bytes(host: &dyn Host, path: &Path, deadline: Deadline) -> Result<u64, TemplateError> {
    let mut there = path;
    while host.status(there)?.is_none() {
        let Some(parent) = there.parent() else { break };
        there = parent;
    }
    let command = Command::new("stat")
        .args(["-f", "-L", "-c", "%a %S", "--"])
        .arg(there);
    let said = host.run(&command, deadline)?.text();
    let mut numbers = said.split_whitespace().map(|word| word.parse::<u64>().ok());
    Ok(match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(blocks), Some(size)) => blocks.saturating_mul(size),
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Distro;

    #[test]
    fn all_problems_of_a_request_are_told_at_once() {
        let mut request = BuildRequest::new("one".parse().unwrap(), Distro::Bookworm);
        assert_eq!(of_the_request(&request), []);
        request.size = ByteSize::from_mib(10);
        request.packages = vec!["vim".into(), "--allow".into(), "a b".into()];
        request.tags = vec!["ok".into(), "a,b".into()];
        request.mirror = Some("http://mirror.example/debian sid".into());
        request.security_mirror = Some("cdrom:x".into());
        let problems = of_the_request(&request);
        let fields: Vec<&str> = problems.iter().map(|p| p.field.as_str()).collect();
        let expected = [
            "size",
            "packages",
            "packages",
            "tags",
            "mirror",
            "security_mirror",
        ];
        assert_eq!(fields, expected);
        assert!(problems.iter().all(|problem| problem.remedy.is_some()));
    }
}
