//! Samba's programs that a member needs, and which versions they have.

use std::path::{Path, PathBuf};

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
    if spec.nsswitch && !has_name_service(host)? {
        problems.push(
            unfit(format!(
                "{NAME_SERVICE} is not installed on {}",
                host.name()
            ))
            .remedy("install the package `libnss-winbind`, or join with --no-nsswitch"),
        );
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

/// Whether the C library can ask winbindd for users (nsswitch.conf(5)).
fn has_name_service(host: &dyn Host) -> Result<bool, JoinError> {
    let libraries = Path::new("/usr/lib");
    // Debian has them in a directory for each architecture.
    let names = host.list(libraries)?;
    let architectures = names.iter().filter(|name| name.contains("-linux-"));
    let mut places: Vec<PathBuf> = vec![libraries.into(), "/usr/lib64".into()];
    places.extend(architectures.map(|name| libraries.join(name)));
    for place in places {
        if host.status(&place.join(NAME_SERVICE))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What glibc loads for the word `winbind`.
const NAME_SERVICE: &str = "libnss_winbind.so.2";

fn unfit(message: String) -> Problem {
    Problem::invalid("samba", Code::SambaVersion.as_str(), message)
        .kind(ErrorKind::Unsupported)
        .remedy(Code::SambaVersion.fix())
}
