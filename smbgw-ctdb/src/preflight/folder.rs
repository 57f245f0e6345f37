//! Whether the shared folder is one for all nodes, and whether locks and data in it hold between them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;
use smbgw_core::host::{CommandError, Host};

use super::fault::Fault;
use super::{NodeFacts, field};
use crate::cluster_lock::Sharing;
use crate::node::Member;
use crate::on_each::{on_each, program};

const COUNT: &str = include_str!("count.pl");

/// How long nodes may take to count together.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often each node counts. Without locks that hold, two of them are in each other's way at once.
const ROUNDS: usize = 20;

/// What the names of our files begin with.
const PREFIX: &str = ".smbgw-check-";

/// After how many seconds such a file is one that nobody is at any more.
const ABANDONED: i64 = 3600;

/// How long the file is that nodes count in: a text, two rows of marks, and numbers.
const LENGTH: usize = 4096;

/// A node with its folder.
pub(super) struct Site<'a> {
    pub member: Member<'a>,
    pub facts: &'a NodeFacts,
}

/// Has all nodes count together in one file of `folder`.
pub(super) fn check(
    sites: &[Site<'_>],
    folder: &Path,
    token: &str,
    deadline: Deadline,
) -> Vec<Problem> {
    let local = local(sites, folder);
    if !local.is_empty() {
        // Nothing is tried where it could destroy something.
        return local;
    }
    let Some(first) = sites.first() else {
        return Vec::new();
    };
    let members: Vec<_> = sites.iter().map(|site| site.member).collect();
    remove_abandoned(first.member.host, folder);
    let file = folder.join(format!("{PREFIX}{token}"));
    if let Err(error) = first.member.host.write(&file, &content(token), 0o600) {
        return vec![Problem::from_error(field(&first.member), &error)];
    }
    let answers = on_each(&members, |own, member| {
        let seconds = PATIENCE.min(deadline.remaining()).as_secs().max(1);
        let command = program(COUNT, deadline)
            .arg(seconds.to_string())
            .arg(&file)
            .arg(token)
            .args([own, members.len(), ROUNDS].map(|number| number.to_string()));
        Ok(member.host.run(&command, deadline)?.text())
    });
    let removed = first.member.host.remove(&file);
    let mut problems = judge(sites, folder, answers);
    if let Err(error) = removed {
        problems.push(Problem::from_error(field(&first.member), &error));
    }
    problems
}

/// Nodes on which the folder is on a filesystem of that machine alone, where there is more than one kernel.
fn local(sites: &[Site<'_>], folder: &Path) -> Vec<Problem> {
    let Some((first, others)) = sites.split_first() else {
        return Vec::new();
    };
    if others
        .iter()
        .all(|site| site.facts.kernel == first.facts.kernel)
    {
        return Vec::new();
    }
    let problem = |site: &Site<'_>| {
        let filesystem = site.facts.shared.as_ref()?;
        let fault = Fault::LocalFolder {
            path: folder.to_path_buf(),
            kind: filesystem.kind.clone(),
            target: filesystem.target.clone(),
        };
        (filesystem.sharing() == Sharing::Local)
            .then(|| Problem::from_error(field(&site.member), &fault))
    };
    sites.iter().filter_map(problem).collect()
}

/// What the file has in the beginning.
fn content(token: &str) -> Vec<u8> {
    let mut content = token.as_bytes().to_vec();
    content.resize(LENGTH, b'0');
    content
}

/// Removes what a program left that was killed; what cannot be looked at stays.
fn remove_abandoned(host: &dyn Host, folder: &Path) {
    let names = host.list(folder).unwrap_or_default();
    for name in names.iter().filter(|name| name.starts_with(PREFIX)) {
        let path = folder.join(name);
        if let Ok(Some(status)) = host.status(&path)
            && host.now().saturating_sub(status.changed_at.0) > ABANDONED
        {
            let _ = host.remove(&path);
        }
    }
}

/// What the answers of the nodes say of the folder.
fn judge(
    sites: &[Site<'_>],
    folder: &Path,
    answers: Vec<Result<String, CommandError>>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut told = |site: &Site<'_>, fault: Fault| {
        problems.push(Problem::from_error(field(&site.member), &fault));
    };
    let expected = sites.len() * ROUNDS;
    let is_elsewhere = |answer: &Result<String, CommandError>| {
        matches!(answer.as_deref().map(str::trim), Ok("missing" | "other"))
    };
    // Whoever has another folder or cannot be asked has the others wait in vain.
    let explains = |answer: &Result<String, CommandError>| is_elsewhere(answer) || answer.is_err();
    let is_explained = answers.iter().any(explains);
    let name = |at: usize| sites.get(at).map(|site| site.member.spec.name.to_string());
    let mut errors = Vec::new();
    for (site, answer) in sites.iter().zip(&answers) {
        let path = PathBuf::from(folder);
        let why = match answer {
            Err(error) => {
                errors.push(Problem::from_error(field(&site.member), error));
                continue;
            }
            Ok(_) if is_elsewhere(answer) => {
                let filesystem = site.facts.shared.as_ref();
                told(
                    site,
                    Fault::OtherFolder {
                        path,
                        other: name(0).unwrap_or_default(),
                        kind: filesystem.map_or("?".into(), |one| one.kind.clone()),
                        target: filesystem.map_or("?".into(), |one| one.target.clone()),
                    },
                );
                continue;
            }
            Ok(text) => match text.trim().split_once(' ').unwrap_or((text.trim(), "")) {
                ("counted", number) if number.parse() == Ok(expected) => continue,
                ("counted", number) => {
                    format!(
                        "{} nodes counted to {expected}, and it says {number}",
                        sites.len()
                    )
                }
                ("intruded", _) => "another node wrote while this one held the lock".into(),
                ("alone", _) if is_explained => continue,
                ("alone", numbers) => {
                    let numbers = numbers.split(' ').filter_map(|one| one.parse().ok());
                    let names: Vec<_> = numbers.filter_map(name).collect();
                    match names.as_slice() {
                        [] => "the lock of a file was not to be had".into(),
                        names => format!("what {} wrote was not seen", names.join(" and ")),
                    }
                }
                ("error", said) => said.to_lowercase(),
                (other, _) => format!("an answer that is none: {other:?}"),
            },
        };
        told(site, Fault::Incoherent { path, why });
    }
    problems.append(&mut errors);
    problems
}

#[cfg(test)]
mod tests {
    use smbgw_core::host::LocalHost;

    use super::*;
    use crate::cluster_lock::Filesystem;
    use crate::node::NodeSpec;

    fn facts(name: &str, kernel: &str, kind: &str) -> NodeFacts {
        NodeFacts {
            name: name.into(),
            ctdb_version: None,
            samba_version: None,
            runs_ctdb: false,
            realtime: false,
            kernel: kernel.into(),
            interfaces: Vec::new(),
            clock_ahead_milliseconds: 0,
            shared: Some(Filesystem {
                kind: kind.into(),
                source: "x".into(),
                target: "/srv".into(),
                options: "rw".into(),
            }),
        }
    }

    /// What is said of nodes with these kernels and filesystems.
    fn with_sites<T>(nodes: &[(&str, &str)], work: impl FnOnce(&[Site<'_>]) -> T) -> T {
        let host = LocalHost::new();
        let known: Vec<_> = (1u8..)
            .zip(nodes)
            .map(|(number, (kernel, kind))| {
                let name = format!("n{number}");
                let spec = NodeSpec {
                    name: name.parse().unwrap(),
                    address: [10, 0, 0, number].into(),
                    reach: "local".parse().unwrap(),
                };
                (spec, facts(&name, kernel, kind))
            })
            .collect();
        let sites: Vec<_> = known
            .iter()
            .map(|(spec, facts)| Site {
                member: Member { spec, host: &host },
                facts,
            })
            .collect();
        work(&sites)
    }

    fn judged(answers: &[&str]) -> Vec<(String, String, String)> {
        let nodes = vec![("k", "ceph"); answers.len()];
        let answers = answers.iter().map(|text| Ok((*text).to_owned())).collect();
        with_sites(&nodes, |sites| {
            let problems = judge(sites, Path::new("/srv/s"), answers);
            let parts = problems.into_iter();
            parts
                .map(|one| (one.field, one.code, one.message))
                .collect()
        })
    }

    #[test]
    fn whoever_has_another_folder_is_named_alone() {
        let said = judged(&["alone 2\n", "alone 2\n", "missing\n"]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].0, "n3");
        assert_eq!(said[0].1, "ha.shared-folder-differs");
        assert_eq!(judged(&["counted 40\n", "counted 40\n"]), []);
    }

    #[test]
    fn counts_that_are_lost_are_told() {
        for (answers, what) in [
            (["counted 31\n", "counted 31\n"], "it says 31"),
            (["intruded\n", "intruded\n"], "held the lock"),
            (["alone 1\n", "alone 0\n"], "was not seen"),
            (["alone\n", "alone\n"], "not to be had"),
            (["error Permission denied\n", ""], "permission denied"),
        ] {
            let said = judged(&answers);
            assert_eq!(said.len(), 2, "{said:?}");
            assert!(
                said.iter()
                    .all(|one| one.1 == "ha.shared-folder-incoherent")
            );
            assert!(said[0].2.contains(what), "{said:?}");
        }
    }

    #[test]
    fn a_filesystem_of_one_machine_is_for_nodes_on_one_machine() {
        let said = |nodes: &[(&str, &str)]| {
            with_sites(nodes, |sites| local(sites, Path::new("/srv/s")).len())
        };
        assert_eq!(said(&[("k", "ext4"), ("k", "ext4")]), 0);
        assert_eq!(said(&[("k", "ext4"), ("l", "ext4")]), 2);
        assert_eq!(said(&[("k", "ext4"), ("l", "nfs4")]), 1);
        assert_eq!(said(&[("k", "virtiofs"), ("l", "ceph")]), 0);
    }
}
