//! What there is to say of a domain and of this machine's membership in it.

use std::fmt::Write as _;
use std::path::Path;

use comfy_table::{Cell, CellAlignment};
use smbgw_ad::diagnose::{Diagnosis, Verdict};
use smbgw_ad::discover::{Discovery, DomainController};
use smbgw_ad::join::JoinCheck;
use smbgw_ad::join_error::JoinError;
use smbgw_ad::keytab::{MachineKeytab, Refreshed};
use smbgw_ad::outcome::{Outcome, Report};
use smbgw_ad::recover::Recovered;
use smbgw_ad::rotate::RotateReport;
use smbgw_ad::spn::Service;
use smbgw_ad::status::{Channel, DirectoryStatus, IdmapRange, JoinedBy, RotatedBy, State, Status};
use smbgw_core::account::UserName;
use smbgw_core::error::Coded;
use smbgw_core::lifecycle::{DomainAccess, ForShare};

use super::{Output, failure_text, table, work_text};
use crate::exit::Exit;
use crate::moment;

impl Output {
    /// Something with a domain that was not begun.
    pub(crate) fn domain_error(&self, error: &JoinError) -> Exit {
        self.refused(error.kind(), error.into())
    }

    /// The domain that was looked for.
    pub(crate) fn discovered(&self, found: &Discovery) -> Exit {
        self.shown(found, discovery_text)
    }

    /// What a join would do.
    pub(crate) fn join_checked(&self, checked: &JoinCheck) -> Exit {
        self.shown(checked, |checked| {
            let mut text = String::new();
            for step in &checked.steps {
                let _ = writeln!(text, "· {step}");
            }
            for note in &checked.notes {
                let _ = writeln!(text, "! {note}");
            }
            let JoinCheck {
                domain,
                computer,
                controller,
                ..
            } = checked;
            let _ = writeln!(
                text,
                "This machine can join {domain} as {computer}, by {controller}; nothing was changed."
            );
            text
        })
    }

    /// How joining ended.
    pub(crate) fn joined(&self, outcome: &Outcome) -> Exit {
        self.ended(outcome, |report| {
            let Report {
                domain, computer, ..
            } = report;
            let text = work_text(&report.steps, &report.notes);
            format!("{text}This machine is in the domain {domain}, as {computer}.\n")
        })
    }

    /// How making the account of another machine ended.
    pub(crate) fn provisioned(&self, outcome: &Outcome, file: &Path) -> Exit {
        self.ended(outcome, |report| {
            let Report {
                domain, computer, ..
            } = report;
            let text = work_text(&report.steps, &report.notes);
            let file = file.display();
            format!(
                "{text}{computer} can join {domain} with {file}, which holds its password: \
                 `pve-smbgateway ad-join --offline-blob {file}`.\n"
            )
        })
    }

    /// How changing names of services ended.
    pub(crate) fn names_changed(&self, outcome: &Outcome) -> Exit {
        self.ended(outcome, |report| {
            let text = work_text(&report.steps, &report.notes);
            format!("{text}The names of {} are changed.\n", report.computer)
        })
    }

    /// The names of services.
    pub(crate) fn services(&self, services: &[Service]) -> Exit {
        self.shown(&services, |services| {
            let mut table = table(&["NAME", "DIRECTORY", "KEYTAB"]);
            let mark = |there: bool| if there { "yes" } else { "no" };
            for service in *services {
                table.add_row(vec![
                    service.name.as_str(),
                    mark(service.in_directory),
                    mark(service.in_keytab),
                ]);
            }
            format!("{table}\n")
        })
    }

    /// What is in the keytab.
    pub(crate) fn keytab(&self, keytab: &MachineKeytab) -> Exit {
        self.shown(keytab, |keytab| {
            let mut table = table(&["PRINCIPAL", "VERSION", "TYPE", "WRITTEN"]);
            for entry in &keytab.entries {
                table.add_row(vec![
                    Cell::new(&entry.principal),
                    Cell::new(entry.version).set_alignment(CellAlignment::Right),
                    Cell::new(&entry.encryption_type),
                    Cell::new(moment::shown(entry.written_at)),
                ]);
            }
            format!("{}\n{table}\n", keytab.file.display())
        })
    }

    /// Whether the keytab was written anew.
    pub(crate) fn refreshed(&self, refreshed: &Refreshed) -> Exit {
        self.shown(refreshed, |refreshed| {
            let how = match refreshed.change.happened() {
                true => "has the keys of",
                false => "had the keys of",
            };
            format!(
                "The keytab {how} version {} for {} services.\n",
                refreshed.key_version,
                refreshed.services.len()
            )
        })
    }

    /// How leaving ended.
    pub(crate) fn left(&self, outcome: &Outcome) -> Exit {
        self.ended(outcome, |report| {
            let text = work_text(&report.steps, &report.notes);
            format!(
                "{text}This machine has left the domain {}.\n",
                report.domain
            )
        })
    }

    /// How this machine stands with its domain.
    pub(crate) fn standing(&self, standing: &ForShare<Status>) -> Exit {
        let ForShare { told, share } = standing;
        let exit = self.shown(standing, |_| {
            status_text(told) + &share.as_ref().map(access_text).unwrap_or_default()
        });
        match told.state {
            _ if share.as_ref().is_some_and(|share| !share.needs_domain()) => exit,
            State::Good => exit,
            State::NotJoined => Exit::NotFound,
            State::Deviating | State::NoController => Exit::NeedsAttention,
        }
    }

    /// What was found out about a domain.
    pub(crate) fn diagnosed(&self, found: &Diagnosis) -> Exit {
        let exit = self.shown(found, diagnosis_text);
        match found.verdict() {
            Verdict::Fail => Exit::Failed,
            _ => exit,
        }
    }

    /// Whether the account has a new password.
    pub(crate) fn rotated(&self, report: &RotateReport) -> Exit {
        self.shown(report, |report| match report {
            RotateReport::Rotated(rotated) => {
                let how = match rotated.finished_earlier {
                    true => "A rotation that was interrupted is finished",
                    false => "The account of this machine has a new password",
                };
                let (version, controller) = (rotated.key_version, &rotated.controller);
                format!("{how}: version {version} of its keys, by {controller}.\n")
            }
            RotateReport::NotDue { age_seconds } => {
                let age = moment::shown_span(*age_seconds);
                format!("The password is {age} old: nothing to do.\n")
            }
            RotateReport::LeftToWinbind { every_seconds } => {
                let every = moment::shown_span(i64::try_from(*every_seconds).unwrap_or(i64::MAX));
                format!(
                    "winbindd changes the password by itself, every {every} (`machine password \
                     timeout`): nothing to do.\n"
                )
            }
            RotateReport::LeftToOthers => {
                "Samba was not told of the domain: whoever joined this machine \
                                           changes the password.\n"
                    .into()
            }
            RotateReport::NotJoined => "This machine is in no domain: nothing to do.\n".into(),
        })
    }

    /// What became of an operation that was interrupted.
    pub(crate) fn domain_recovered(&self, recovered: Option<&Recovered>) -> Exit {
        let all: Vec<&Recovered> = recovered.into_iter().collect();
        let exit = self.shown(&all, |all| match all.first() {
            None => "Nothing was interrupted.\n".into(),
            Some(recovered) => recovered_text(recovered),
        });
        match recovered.map(|recovered| &recovered.outcome) {
            Some(Outcome::NeedsAttention { .. }) => Exit::NeedsAttention,
            _ => exit,
        }
    }

    /// Shows what was found out.
    pub(super) fn shown<T: serde::Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Exit {
        if self.json {
            self.document(value);
        } else {
            self.text(&text(value));
        }
        Exit::Done
    }
}

fn recovered_text(recovered: &Recovered) -> String {
    let Recovered {
        operation,
        domain,
        computer,
        outcome,
    } = recovered;
    let what = format!("{operation} of {domain} as {computer}");
    match outcome {
        Outcome::Done(report) => {
            let text = work_text(&report.steps, &report.notes);
            format!("{text}{what}: finished\n")
        }
        Outcome::RolledBack { .. } => format!("{what}: undone\n"),
        other => format!("{what}: {}", failure_text(other)),
    }
}

fn discovery_text(found: &Discovery) -> String {
    let domain = &found.domain;
    let mut text = format!("Domain {} ({})\n", domain.name, domain.netbios);
    let _ = writeln!(text, "  realm       {}", domain.realm);
    let _ = writeln!(text, "  forest      {}", domain.forest);
    let site = found
        .client_site
        .as_ref()
        .map_or("unknown", |site| site.as_str());
    let _ = writeln!(text, "  site        {site}");
    let _ = writeln!(text, "  controller  {}", controller_text(&found.controller));
    for other in &found.others {
        let _ = writeln!(text, "  another     {}", controller_text(other));
    }
    for tried in &found.passed_over {
        let _ = writeln!(text, "! {tried}");
    }
    if !found.unasked.is_empty() {
        let addresses: Vec<String> = found.unasked.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  not waited for: {}", addresses.join(", "));
    }
    text
}

fn status_text(status: &Status) -> String {
    let Some(member) = &status.member else {
        return "This machine is in no domain.\n".into();
    };
    let mut text = format!(
        "Domain {} ({}): {}\n",
        member.domain, member.netbios, status.state
    );
    let by = match member.joined_by {
        JoinedBy::Smbgw => "",
        JoinedBy::Other => ", joined by another program",
    };
    let _ = writeln!(text, "  computer    {}{by}", member.computer);
    if let Some(directory) = &member.directory {
        let DirectoryStatus {
            controller,
            address,
            site,
            skew_milliseconds,
            ..
        } = directory;
        let _ = writeln!(text, "  controller  {controller} ({address})");
        if let Some(site) = site {
            let _ = writeln!(text, "  site        {}", site.as_str());
        }
        if let Some(skew) = skew_milliseconds {
            let _ = writeln!(text, "  clock       {:+.3} s", *skew as f64 / 1000.0);
        }
    }
    let account = member.directory.as_ref();
    let account = account.and_then(|directory| directory.account.as_ref());
    if let Some(account) = account {
        let _ = writeln!(text, "  account     {}", account.dn);
    }
    let version = |kvno: Option<u32>| kvno.map_or("none".into(), |kvno| kvno.to_string());
    let _ = writeln!(
        text,
        "  keytab      {}: version {}, {}",
        member.keytab.path.display(),
        version(member.keytab.kvno),
        member.keytab.encryption_types.join(" "),
    );
    if let Some(account) = account {
        let _ = writeln!(text, "  directory   version {}", version(account.kvno));
    }
    let rotated_by = match member.password.rotated_by {
        RotatedBy::Smbgw => "changed by ad-rotate",
        RotatedBy::Winbind { .. } => "changed by winbindd",
        RotatedBy::Others => "changed by whoever joined this machine",
    };
    let age = member.password.age_seconds.map(moment::shown_span);
    let age = age.map_or("of unknown age".into(), |age| format!("{age} old"));
    let _ = writeln!(text, "  password    {age}, {rotated_by}");
    let channel = match &member.channel {
        Channel::Good {
            controller: Some(controller),
        } => format!("works, with {controller}"),
        Channel::Good { controller: None } => "works".into(),
        Channel::Broken { why } => format!("does not work: {why}"),
        Channel::WinbindDown => "winbindd does not run".into(),
        Channel::Unknown { why } => format!("unknown: {why}"),
    };
    let _ = writeln!(text, "  winbindd    {channel}");
    for IdmapRange {
        domain,
        backend,
        first,
        last,
    } in &member.ids
    {
        let _ = writeln!(
            text,
            "  ids         {domain}: {first} to {last} ({backend})"
        );
    }
    for finding in &status.findings {
        let _ = writeln!(text, "! {finding}");
        if let Some(remedy) = &finding.remedy {
            let _ = writeln!(text, "  → {remedy}");
        }
    }
    text
}

fn access_text(access: &DomainAccess) -> String {
    let mut text = format!("Share {} ({})\n", access.name, access.auth);
    let listed = |names: &[UserName]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        match names.is_empty() {
            true => "nobody".into(),
            false => names.join(", "),
        }
    };
    match access.guest {
        true => text.push_str("  lets in everybody\n"),
        false => {
            let _ = writeln!(text, "  of the domain   {}", listed(&access.of_domain));
            let _ = writeln!(text, "  of the machine  {}", listed(&access.of_machine));
        }
    }
    text
}

fn diagnosis_text(found: &Diagnosis) -> String {
    let mut table = table(&["", "CHECK", "OF", "MS", "FOUND"]);
    for check in &found.checks {
        table.add_row(vec![
            Cell::new(check.verdict),
            Cell::new(check.name.about()),
            Cell::new(check.of.as_deref().unwrap_or_default()),
            Cell::new(check.milliseconds).set_alignment(CellAlignment::Right),
            Cell::new(&check.message),
        ]);
    }
    let mut text = format!("{table}\n");
    for check in &found.checks {
        let Some(problem) = &check.problem else {
            continue;
        };
        let _ = writeln!(text, "! {} ({})", check.message, problem.code);
        if let Some(cause) = &problem.cause {
            let _ = writeln!(text, "  {cause}");
        }
        if let Some(remedy) = &problem.remedy {
            let _ = writeln!(text, "  → {remedy}");
        }
    }
    let _ = match (found.verdict(), &found.controller) {
        (Verdict::Fail, _) => writeln!(text, "Something is wrong with {}.", found.domain),
        (_, Some(controller)) => {
            writeln!(text, "{} can be used, by {controller}.", found.domain)
        }
        (_, None) => writeln!(text, "{} was not looked at.", found.domain),
    };
    text
}

fn controller_text(controller: &DomainController) -> String {
    let DomainController {
        host,
        address,
        site,
        flags,
        round_trip,
        ..
    } = controller;
    let mut text = format!("{host} ({address})");
    if let Some(site) = site {
        let _ = write!(text, ", site {}", site.as_str());
    }
    if !flags.is_writable() {
        text.push_str(", read-only");
    }
    let _ = write!(text, ", {:.1} ms", round_trip.as_secs_f64() * 1000.0);
    text
}
