//! Samba's programs that a member needs, and which versions they have.

use smbgw_core::deadline::Deadline;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host::Host;

use super::JoinSpec;
use crate::code::Code;
use crate::join_error::JoinError;
use crate::winbind::{Version, smbd_version, winbindd_version};

/// The first version whose `net offlinejoin` takes what a join has to say.
const OLDEST: Version = Version {
    major: 4,
    minor: 15,
};

/// The version of Samba, unless a program is missing; what is missing or does not fit becomes a
/// problem.
pub(super) fn check(
    host: &dyn Host,
    spec: &JoinSpec,
    problems: &mut Vec<Problem>,
    deadline: Deadline,
) -> Result<Option<Version>, JoinError> {
    let mut tools = vec!["smbd", "net", "testparm", "tdbtool"];
    if spec.winbind {
        tools.extend(["winbindd", "wbinfo", "smbclient"]);
    }
    if spec.dns && spec.addresses.is_empty() {
        tools.push("ip");
    }
    for tool in tools {
        if let Err(error) = host.tool(tool) {
            problems.push(Problem::from_error("tools", &error).kind(ErrorKind::Unsupported));
        }
    }
    if !problems.is_empty() {
        return Ok(None);
    }
    let smbd = smbd_version(host, deadline)?;
    if smbd < OLDEST {
        problems.push(unfit(format!(
            "samba {smbd} is too old: {OLDEST} or later is needed"
        )));
    }
    if spec.winbind {
        let winbindd = winbindd_version(host, deadline)?;
        if winbindd != smbd {
            problems.push(unfit(format!(
                "winbindd is of version {winbindd} and smbd of {smbd}"
            )));
        }
    }
    Ok(Some(smbd))
}

fn unfit(message: String) -> Problem {
    Problem::invalid("samba", Code::SambaVersion.as_str(), message)
        .kind(ErrorKind::Unsupported)
        .remedy(Code::SambaVersion.fix())
}
