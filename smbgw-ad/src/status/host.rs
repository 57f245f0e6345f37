//! What the host says of a membership: its services and its files.

use std::path::Path;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{CommandError, Host};
use smbgw_core::layout::SMB_CONF;
use smbgw_core::smbconf::globals::explicit_globals_following;

use super::found::{Channel, MemberStatus};
use crate::code::Code;
use crate::join_error::JoinError;
use crate::joined::Glance;
use crate::krb5conf;
use crate::membership::Membership;
use crate::plan::JOURNAL;
use crate::reason::Reason;
use crate::samba::globals::{self, DOMAIN_CONF, Drift};
use crate::winbind::{self, WinbindError};

/// How winbindd stands with the domain.
pub(super) fn channel(host: &dyn Host, deadline: Deadline) -> Channel {
    match winbind::controller(host, deadline.at_most(PATIENCE)) {
        Ok(controller) => Channel::Good { controller },
        Err(WinbindError::Down) => Channel::WinbindDown,
        Err(WinbindError::Channel { why }) => Channel::Broken { why },
        Err(WinbindError::Command(CommandError::TimedOut { .. })) => Channel::Unknown {
            why: "winbindd does not answer".into(),
        },
        Err(error) => Channel::Unknown {
            why: smbgw_core::error::chain_text(&error),
        },
    }
}

/// winbindd waits for a domain controller that is gone.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is not as it should be on the host.
pub(super) fn findings(
    host: &dyn Host,
    member: &MemberStatus,
    known: &Glance,
) -> Result<Vec<Reason>, JoinError> {
    let mut findings = Vec::new();
    if host.status(Path::new(JOURNAL))?.is_some() {
        findings.push(Reason::new(
            Code::Interrupted,
            "an operation on the membership is under way or was interrupted",
        ));
    }
    if member.samba_knows {
        findings.extend(channel_finding(member));
    } else {
        findings.push(Reason::new(
            Code::SambaUntold,
            format!("Samba knows nothing of the membership in {}", member.domain),
        ));
    }
    match &known.record {
        Some(record) => findings.extend(drift(host, known, record)?),
        None => findings.extend(security(host)?),
    }
    Ok(findings)
}

fn channel_finding(member: &MemberStatus) -> Option<Reason> {
    let reachable = member.directory.is_some();
    match &member.channel {
        Channel::Good { .. } => None,
        Channel::WinbindDown => Some(Reason::new(Code::WinbindDown, "winbindd does not run")),
        // Nobody has one.
        Channel::Broken { .. } | Channel::Unknown { .. } if !reachable => None,
        Channel::Broken { why } if ABSENT.contains(&why.as_str()) => Some(Reason::new(
            Code::WinbindOffline,
            format!("winbindd reaches no domain controller: {why}"),
        )),
        Channel::Broken { why } => Some(Reason::new(
            Code::SecureChannelBroken,
            format!("the secure channel of winbindd does not work: {why}"),
        )),
        Channel::Unknown { why } => Some(Reason::new(
            Code::WinbindOffline,
            format!("the secure channel could not be looked at: {why}"),
        )),
    }
}

/// How Samba says that there is no domain controller.
const ABSENT: [&str; 7] = [
    "NT_STATUS_NO_LOGON_SERVERS",
    "NT_STATUS_DOMAIN_CONTROLLER_NOT_FOUND",
    "NT_STATUS_IO_TIMEOUT",
    "NT_STATUS_HOST_UNREACHABLE",
    "NT_STATUS_CONNECTION_REFUSED",
    "NT_STATUS_CONNECTION_DISCONNECTED",
    "NT_STATUS_UNSUCCESSFUL",
];

/// Where files are not what joining made of them.
fn drift(host: &dyn Host, known: &Glance, record: &Membership) -> Result<Vec<Reason>, JoinError> {
    let mut findings = samba_drift(host, known)?;
    if let Some(plan) = &record.kerberos
        && !krb5conf::is_in_place(host, plan).unwrap_or(false)
    {
        findings.push(Reason::new(
            Code::Krb5ConfDrift,
            format!("{} does not say what joining wrote", krb5conf::FILE),
        ));
    }
    if record.names.is_some() && !matches!(crate::nsswitch::inspect(host), Ok(None)) {
        findings.push(Reason::new(
            Code::NsswitchDrift,
            format!("{} does not name winbind", crate::nsswitch::FILE),
        ));
    }
    Ok(findings)
}

fn samba_drift(host: &dyn Host, known: &Glance) -> Result<Vec<Reason>, JoinError> {
    let settings = globals::Settings::new(known.member.clone());
    let theirs = globals::administrators(host)?;
    // Ids that collide are told by themselves.
    let decision = match globals::decide(&settings, &theirs, &[]) {
        Ok(decision) => decision,
        Err(conflicts) => {
            let conflict = |message: String| Reason::new(Code::SambaConflict, message);
            return Ok(conflicts.into_iter().map(|c| conflict(c.message)).collect());
        }
    };
    let message = match globals::drift(host, &decision) {
        Ok(Drift::None) => None,
        Ok(Drift::Missing) => Some(format!("{DOMAIN_CONF} is gone")),
        Ok(Drift::NotIncluded) => Some(format!("{SMB_CONF} does not include {DOMAIN_CONF}")),
        Ok(Drift::Changed) => Some(format!("{DOMAIN_CONF} is not what this domain needs")),
        Err(error) => return Ok(vec![Reason::of(&error)]),
    };
    if let Some(message) = message {
        return Ok(vec![Reason::new(Code::SambaDrift, message)]);
    }
    // What stands behind the line that includes our file wins over it.
    let text = host.read(Path::new(SMB_CONF))?.unwrap_or_default();
    let all = explicit_globals_following(&text, &|path| host.read(path).ok().flatten());
    let undone = decision.set.iter().filter_map(|(name, ours)| {
        let now = all.text(name)?;
        (now != *ours).then(|| {
            Reason::new(
                Code::SambaDrift,
                format!("{SMB_CONF} sets `{name} = {now}` behind the settings of the domain, which need `{ours}`"),
            )
        })
    });
    Ok(undone.collect())
}

/// Whether Samba is set up as a member, where somebody else has joined it.
fn security(host: &dyn Host) -> Result<Option<Reason>, JoinError> {
    let theirs = globals::administrators(host)?;
    Ok((!globals::is_member(&theirs)).then(|| {
        Reason::new(
            Code::SambaConflict,
            format!("{SMB_CONF} does not set `security = ads`"),
        )
    }))
}
