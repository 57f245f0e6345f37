//! What shares there are, and how they are.

use serde::Serialize;

use crate::catalog::{self, ShareRecord};
use crate::definition::administrators_globals;
use crate::domain;
use crate::endpoint::smb_endpoint;
use crate::journal;
use crate::lifecycle::auth;
use crate::lifecycle::outcome::{Finding, ShareError};
use crate::lifecycle::verify::meant;
use crate::machine::Machine;
use crate::ports::{Depth, Usage};
use crate::probe::{Login, ShareProbe};
use crate::service::ServiceState;
use crate::share::ShareName;
use crate::step_error::StepError;

/// A share as it is at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareStatus {
    /// What it is meant to be.
    pub record: ShareRecord,
    /// What it holds and what the kernel limits it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whether it answers over SMB; `None` where there is no running system to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<bool>,
    /// Everything that is not as it is meant to be.
    pub findings: Vec<Finding>,
}

/// What a share holds at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareUsage {
    /// The share.
    pub name: ShareName,
    /// What it holds and what the kernel limits it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What is wrong with it: that it cannot be read, or that another limit is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Finding>,
}

/// All shares, ordered by name.
///
/// # Errors
/// Where the records cannot be read.
pub fn list(machine: &Machine<'_>) -> Result<Vec<ShareRecord>, ShareError> {
    Ok(catalog::load_all(machine.host)?)
}

/// The share `name` as it is at this moment.
///
/// # Errors
/// Where there is no such share or its record cannot be read; all else is in
/// [`ShareStatus::findings`].
pub fn status(machine: &Machine<'_>, name: &ShareName) -> Result<ShareStatus, ShareError> {
    let record =
        catalog::load(machine.host, name)?.ok_or_else(|| ShareError::NotFound(name.clone()))?;
    let mut findings = Vec::new();
    let usage = match machine.storage.usage(&record.volume, machine.deadline) {
        Ok(usage) => Some(usage),
        Err(error) => {
            findings.push(Finding::new("read the usage", &error));
            None
        }
    };
    findings.extend(deviations(machine, &record));
    if journal::pending(machine.host)?.contains(&name.key()) {
        findings.push(Finding {
            during: "look for interrupted operations".into(),
            code: "share.interrupted".into(),
            message: "an operation on the share is under way or was interrupted".into(),
            remedy: Some("run `pve-smbgateway recover` if nobody is at it".into()),
        });
    }
    findings.extend(domain_finding(machine, &record));
    let answers = match machine.host.is_live() {
        true => Some(match probe(machine, record.name()) {
            Ok(()) => true,
            Err(error) => {
                findings.push(Finding::new("connect over SMB", &error));
                false
            }
        }),
        false => None,
    };
    Ok(ShareStatus {
        record,
        usage,
        answers,
        findings,
    })
}

/// The usage of all shares, or of the share `name`, in one pass over the file systems.
///
/// # Errors
/// Where the records cannot be read, or there is no such share.
pub fn usages(
    machine: &Machine<'_>,
    name: Option<&ShareName>,
) -> Result<Vec<ShareUsage>, ShareError> {
    let records = match name {
        Some(name) => {
            let found = catalog::load(machine.host, name)?;
            vec![found.ok_or_else(|| ShareError::NotFound(name.clone()))?]
        }
        None => catalog::load_all(machine.host)?,
    };
    let volumes: Vec<_> = records.iter().map(|record| &record.volume).collect();
    let usages = machine.storage.usages(&volumes, machine.deadline);
    let shares = records.iter().zip(usages).map(|(record, usage)| {
        let name = record.name().clone();
        match usage {
            Ok(usage) => ShareUsage {
                name,
                usage: Some(usage),
                problem: drift(record, usage),
            },
            Err(error) => {
                let problem = Some(Finding::new("read the usage", &error));
                ShareUsage {
                    name,
                    usage: None,
                    problem,
                }
            }
        }
    });
    Ok(shares.collect())
}

/// What a quick look at the volume finds that is not as it is meant to be.
fn deviations(machine: &Machine<'_>, record: &ShareRecord) -> Vec<Finding> {
    let during = "inspect the volume";
    let found = machine
        .storage
        .inspect(meant(record), Depth::Quick, machine.deadline);
    let found = match found {
        Ok(found) => found,
        Err(error) => return vec![Finding::new(during, &error)],
    };
    let name = crate::host::cmd::quote_for_shell(record.name().as_str());
    let each = found.into_iter().map(|deviation| Finding {
        during: during.into(),
        code: deviation.code,
        message: deviation.message,
        remedy: match deviation.repairable {
            true => Some(format!("run `pve-smbgateway quota check {name} --fix`")),
            false => deviation.remedy,
        },
    });
    each.collect()
}

/// What keeps users of the domain out, where the share lets in some.
fn domain_finding(machine: &Machine<'_>, record: &ShareRecord) -> Option<Finding> {
    let spec = &record.spec;
    if !machine.host.is_live() || !auth::is_of_domain(&spec.access, spec.auth) {
        return None;
    }
    let during = "look at the domain";
    match domain::problem(machine.host, machine.deadline) {
        Ok(problem) => problem.map(|error| Finding::new(during, &error)),
        Err(error) => Some(Finding::new(during, &error)),
    }
}

/// What the kernel enforces, where it is not what is meant.
fn drift(record: &ShareRecord, usage: Usage) -> Option<Finding> {
    let meant = record.spec.quota;
    (usage.limits.bytes != Some(meant.bytes())).then(|| Finding {
        during: "compare the limit".into(),
        code: "share.quota-drift".into(),
        message: match usage.limits.bytes {
            Some(bytes) => format!(
                "the limit in force is {}, not {meant}",
                crate::size::ByteSize::from_bytes(bytes)
            ),
            None => format!("no limit is in force, where {meant} is meant"),
        },
        remedy: Some(format!(
            "run `pve-smbgateway resize {} {meant}`",
            crate::host::cmd::quote_for_shell(record.name().as_str())
        )),
    })
}

fn probe(machine: &Machine<'_>, name: &ShareName) -> Result<(), StepError> {
    if machine.service.state(machine.deadline)? == ServiceState::Stopped {
        return Err(crate::service::ServiceError::NotRunning {
            service: machine.service.describe().into(),
        }
        .into());
    }
    let globals = administrators_globals(machine.host)?;
    let endpoint = smb_endpoint(machine.host, &globals, machine.deadline)?;
    let (address, port) = (endpoint.ip(), endpoint.port());
    let probe = ShareProbe {
        address,
        port,
        share: name,
        login: Login::Anonymous,
    };
    probe.once(machine.host, machine.deadline)?;
    Ok(())
}
