//! Whether a lock really keeps nodes apart: one takes it, and all others have to be refused.
//!
//! It is taken by the programs that ctdb itself takes it by, so that what is found out holds for ctdb. How
//! they answer is in ctdb's `cluster_mutex_helper.txt`: one character, and the lock is held until they end.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{CommandError, Host};

use super::filesystem::{Filesystem, Sharing, kernel};
use super::{ClusterLock, ClusterLockError};
use crate::node::Member;
use crate::on_each::{on_each, program};

const HOLD: &str = include_str!("hold.pl");

/// How long a program may take to say whether it has the lock: Ceph and etcd are asked by network.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a node says of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// It had it.
    Taken,
    /// Somebody else has it.
    Refused,
    /// It cannot be had.
    Failed(String),
}

/// Whose lock it is while it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Nobody's: the cluster is not there yet.
    Free,
    /// That of a cluster which runs and holds it.
    Held,
}

impl ClusterLock {
    /// What speaks against this lock for `members`, each with the place of the node among them.
    ///
    /// It is tried with a file beside it, where it is one, and the lock itself where it is something else.
    pub fn check(
        &self,
        members: &[Member<'_>],
        state: Use,
        deadline: Deadline,
    ) -> Vec<(usize, ClusterLockError)> {
        let Self::File(path) = self else {
            return match state {
                Use::Free => self.tried(members, None, deadline),
                Use::Held => self.refused_to_all(members, deadline),
            };
        };
        let problems = self.places(path, members, deadline);
        if !problems.is_empty() {
            return problems;
        }
        let Some(first) = members.first() else {
            return problems;
        };
        let folder = match nearest_folder(first.host, path) {
            Ok(folder) => folder,
            Err(error) => return vec![(0, error)],
        };
        if state == Use::Free
            && let Err(error) = self.is_free(*first, path, deadline)
        {
            return vec![(0, error)];
        }
        let name = match token() {
            Ok(token) => format!(".smbgw-lock-{token}"),
            Err(error) => return vec![(0, self.failed(&error.to_string()))],
        };
        let trial = folder.join(name);
        let problems = self.tried(members, Some(&trial), deadline);
        on_each(members, |_, member| {
            // Where it cannot be removed it is an empty file that nobody minds.
            let _ = member.host.remove(&trial);
        });
        problems
    }

    /// Nodes on which the file is on a filesystem of that machine alone. With one kernel under all nodes, as
    /// with containers of one machine, such a filesystem is shared by them.
    fn places(
        &self,
        path: &Path,
        members: &[Member<'_>],
        deadline: Deadline,
    ) -> Vec<(usize, ClusterLockError)> {
        let asked = on_each(members, |_, member| {
            let folder = nearest_folder(member.host, path)?;
            let look = || {
                let kernel = kernel(member.host, deadline)?;
                Ok((kernel, Filesystem::of(member.host, &folder, deadline)?))
            };
            look().map_err(ClusterLockError::Command)
        });
        let mut kernels = Vec::new();
        let mut problems = Vec::new();
        let mut local = Vec::new();
        for (at, answer) in asked.into_iter().enumerate() {
            match answer {
                Ok((kernel, filesystem)) => {
                    kernels.push(kernel);
                    if filesystem.sharing() == Sharing::Local {
                        local.push((at, filesystem));
                    }
                }
                Err(error) => problems.push((at, error)),
            }
        }
        kernels.sort();
        kernels.dedup();
        if kernels.len() > 1 {
            problems.extend(local.into_iter().map(|(at, filesystem)| {
                let error = ClusterLockError::Local {
                    lock: self.to_string(),
                    kind: filesystem.kind,
                    target: filesystem.target,
                };
                (at, error)
            }));
        }
        problems
    }

    /// Has the first node take the lock, and all others try.
    fn tried(
        &self,
        members: &[Member<'_>],
        file: Option<&Path>,
        deadline: Deadline,
    ) -> Vec<(usize, ClusterLockError)> {
        let Some((first, others)) = members.split_first() else {
            return Vec::new();
        };
        let token = match token() {
            Ok(token) => token,
            Err(error) => return vec![(0, self.failed(&error.to_string()))],
        };
        let marker = PathBuf::from(format!("/run/smbgw-lock-{token}"));
        // At most while each of the others tries.
        let longest = PATIENCE.saturating_mul(u32::try_from(members.len()).unwrap_or(u32::MAX));
        let held = OnceLock::new();
        let answers = thread::scope(|scope| {
            scope.spawn(|| {
                let hold = Some((marker.as_path(), longest));
                held.set(self.take(first.host, file, hold, deadline))
            });
            let is_there = || matches!(first.host.status(&marker), Ok(Some(_)));
            while !is_there() && held.get().is_none() && !deadline.has_passed() {
                thread::sleep(Duration::from_millis(20));
            }
            if !is_there() {
                // It did not get it.
                return None;
            }
            let answers = self.tries(others, file, deadline);
            // While it is there, the lock was held all the time.
            let is_still_there = is_there();
            let _ = first.host.remove(&marker);
            is_still_there.then_some(answers)
        });
        let Some(answers) = answers else {
            return vec![(0, self.not_held(held.into_inner()))];
        };
        let mut problems = Vec::new();
        match held.into_inner() {
            Some(Ok(Answer::Taken)) => {}
            other => problems.push((0, self.not_held(other))),
        }
        for (at, answer) in (1..).zip(answers) {
            let error = match answer {
                Ok(Answer::Refused) => continue,
                Ok(Answer::Taken) => ClusterLockError::NotShared {
                    lock: self.to_string(),
                    holder: first.spec.name.to_string(),
                },
                Ok(Answer::Failed(why)) => self.failed(&why),
                Err(error) => ClusterLockError::Command(error),
            };
            problems.push((at, error));
        }
        problems
    }

    /// Nodes that are given the lock of a cluster that runs and holds it.
    fn refused_to_all(
        &self,
        members: &[Member<'_>],
        deadline: Deadline,
    ) -> Vec<(usize, ClusterLockError)> {
        let answers = self.tries(members, None, deadline);
        let error = |answer| match answer {
            Ok(Answer::Refused) => None,
            Ok(Answer::Taken) => Some(ClusterLockError::NotShared {
                lock: self.to_string(),
                holder: "the cluster".into(),
            }),
            Ok(Answer::Failed(why)) => Some(self.failed(&why)),
            Err(error) => Some(ClusterLockError::Command(error)),
        };
        let answers = answers.into_iter().enumerate();
        answers
            .filter_map(|(at, answer)| Some((at, error(answer)?)))
            .collect()
    }

    /// What each node says of the lock, one after the other: two at once might be in each other's way.
    fn tries(
        &self,
        members: &[Member<'_>],
        file: Option<&Path>,
        deadline: Deadline,
    ) -> Vec<Result<Answer, CommandError>> {
        let members = members.iter();
        members
            .map(|member| self.take(member.host, file, None, deadline))
            .collect()
    }

    /// Whether nobody has the lock itself.
    fn is_free(
        &self,
        member: Member<'_>,
        path: &Path,
        deadline: Deadline,
    ) -> Result<(), ClusterLockError> {
        // Nothing is made where nothing is.
        if member
            .host
            .status(path)
            .map_err(ClusterLockError::File)?
            .is_none()
        {
            return Ok(());
        }
        match self.take(member.host, None, None, deadline) {
            Ok(Answer::Taken) => Ok(()),
            Ok(Answer::Refused) => Err(ClusterLockError::Held {
                lock: self.to_string(),
            }),
            Ok(Answer::Failed(why)) => Err(self.failed(&why)),
            Err(error) => Err(ClusterLockError::Command(error)),
        }
    }

    /// Takes the lock on a node, and holds it until the marker is gone, or gives it back at once.
    fn take(
        &self,
        host: &dyn Host,
        file: Option<&Path>,
        hold: Option<(&Path, Duration)>,
        deadline: Deadline,
    ) -> Result<Answer, CommandError> {
        let left = deadline.remaining();
        let (marker, hold) = hold.unwrap_or((Path::new("-"), Duration::ZERO));
        let command = program(HOLD, deadline)
            .arg(PATIENCE.min(left).as_secs().max(1).to_string())
            .arg(marker)
            .arg(hold.min(left).as_secs().to_string())
            .args(self.holder(file));
        let output = host.run(&command, deadline)?;
        Ok(match output.text().trim() {
            "0" => Answer::Taken,
            "1" => Answer::Refused,
            "2" | "s" => Answer::Failed(format!("no answer in {} s", PATIENCE.as_secs())),
            _ => Answer::Failed(match output.error_text().trim() {
                "" => format!("{} failed", self.holder(file)[0]),
                said => said.to_owned(),
            }),
        })
    }

    /// Why the first node did not hold the lock.
    fn not_held(&self, held: Option<Result<Answer, CommandError>>) -> ClusterLockError {
        match held {
            Some(Ok(Answer::Refused)) => ClusterLockError::Held {
                lock: self.to_string(),
            },
            Some(Ok(Answer::Failed(why))) => self.failed(&why),
            Some(Err(error)) => ClusterLockError::Command(error),
            Some(Ok(Answer::Taken)) | None => self.failed("it was not held to the end"),
        }
    }

    fn failed(&self, why: &str) -> ClusterLockError {
        ClusterLockError::Failed {
            lock: self.to_string(),
            why: why.to_owned(),
        }
    }
}

/// The nearest folder at or above that of `path` which is there.
fn nearest_folder(host: &dyn Host, path: &Path) -> Result<PathBuf, ClusterLockError> {
    for folder in path.ancestors().skip(1) {
        if host
            .status(folder)
            .map_err(ClusterLockError::File)?
            .is_some()
        {
            return Ok(folder.to_path_buf());
        }
    }
    Ok(PathBuf::from("/"))
}

/// A text that nobody else has.
pub(crate) fn token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}
