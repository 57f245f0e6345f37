//! Whether the machine is ready for a share, found out without changing anything.

use std::net::TcpStream;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use serde::Serialize;

use crate::account::{self, AccountError, UserName};
use crate::catalog::ShareRecord;
use crate::deadline::Deadline;
use crate::definition::{
    Accepted, Candidate, administrators_globals, check_administrators, is_at_least, wanted_globals,
};
use crate::domain::DomainError;
use crate::endpoint::smb_endpoint;
use crate::error::{Coded, chain_text};
use crate::host::Host;
use crate::layout::SMB_CONF;
use crate::lifecycle::auth;
use crate::machine::Machine;
use crate::ports::{Filesystem, QuotaState, Survey};
use crate::service::ServiceState;
use crate::share::ShareSpec;
use crate::size::ByteSize;
use crate::smbconf::globals::Globals;

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Preflight {
    /// Every check with its result.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// What was checked: `tools`, `smb.conf`, `settings`, `quota`, `space`, `service`, `domain` or
    /// `password`.
    pub name: &'static str,
    /// How it came out.
    pub result: CheckResult,
    /// What was found, as a lower-case sentence.
    pub message: String,
    /// What to do about it, where it is not all right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// All right.
    Passed,
    /// The share can be made, but will not do all that one might expect.
    Warning,
    /// The share cannot be made.
    Failed,
}

impl Preflight {
    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| check.result == CheckResult::Failed)
    }

    /// The checks that came out with a warning.
    pub fn warnings(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| check.result == CheckResult::Warning)
    }

    fn add(&mut self, name: &'static str, result: CheckResult, message: impl Into<String>) {
        self.checks.push(Check {
            name,
            result,
            message: message.into(),
            remedy: None,
        });
    }

    fn add_with_remedy(
        &mut self,
        name: &'static str,
        result: CheckResult,
        message: impl Into<String>,
        remedy: Option<String>,
    ) {
        self.checks.push(Check {
            name,
            result,
            message: message.into(),
            remedy,
        });
    }

    fn fail(&mut self, name: &'static str, error: &dyn Coded) {
        self.add_with_remedy(name, CheckResult::Failed, chain_text(error), error.remedy());
    }
}

/// A share that is to be made.
pub(super) struct Wanted<'a> {
    pub(super) spec: &'a ShareSpec,
    /// Its place.
    pub(super) survey: &'a Survey,
    /// What keeps users of the domain out at this moment.
    pub(super) domain: Option<&'a DomainError>,
    /// The shares that are there already.
    pub(super) others: &'a [ShareRecord],
}

/// Checks the machine, and whether it is ready for the share `wanted`; also gives the configuration
/// with that share, if Samba accepted it.
pub(super) fn preflight(
    machine: &Machine<'_>,
    wanted: Option<&Wanted<'_>>,
) -> (Preflight, Option<Accepted>) {
    let share = wanted.map(|wanted| wanted.spec);
    let mut found = Preflight::default();
    let mut accepted = None;
    let tools_there = check_tools(machine, &mut found);
    let users: Vec<&UserName> = match share {
        Some(spec) if machine.host.is_live() && tools_there => {
            let users = spec.access.users.iter();
            users
                .filter(|user| !user.is_of_domain() && spec.auth.lets_in(user))
                .filter(|user| machine.password_of(user).is_none())
                .collect()
        }
        _ => Vec::new(),
    };
    let (host, deadline) = (machine.host, machine.deadline);
    // Samba's tools take their time to start, so they are run at once.
    let passwords = || look_for_passwords(host, &users, deadline);
    let mut rest = || {
        accepted = check_all_but_passwords(machine, wanted, tools_there, &mut found);
    };
    let passwords = if users.is_empty() {
        rest();
        Vec::new()
    } else {
        alongside(passwords, rest)
    };
    for (user, exists) in users.into_iter().zip(passwords) {
        check_password(user, exists, &mut found);
    }
    (found, accepted)
}

fn check_all_but_passwords(
    machine: &Machine<'_>,
    wanted: Option<&Wanted<'_>>,
    tools_there: bool,
    found: &mut Preflight,
) -> Option<Accepted> {
    let share = wanted.map(|wanted| wanted.spec);
    let (globals, accepted) = check_configuration(machine, wanted, tools_there, found);
    if let Some(globals) = &globals {
        check_settings(machine, share, globals, found);
    }
    if let Some(wanted) = wanted {
        check_quota(wanted.survey, found);
        check_space(share, wanted.survey, found);
        check_domain(wanted, found);
    }
    if machine.host.is_live() && tools_there {
        check_service(machine, &globals.unwrap_or_default(), found);
    }
    accepted
}

/// Runs `there` in a thread that ends before this returns, and `here` in this one; where no thread
/// can be had, one after the other.
fn alongside<T: Send>(there: impl Fn() -> T + Sync, here: impl FnOnce()) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, &there);
        here();
        match thread.map(ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => there(),
        }
    })
}

fn check_tools(machine: &Machine<'_>, found: &mut Preflight) -> bool {
    let mut tools = vec!["testparm"];
    if machine.host.is_live() {
        tools.extend(["smbd", "smbclient", "smbcontrol", "pdbedit", "getent"]);
    }
    let mut all = true;
    for tool in &tools {
        if let Err(error) = machine.host.tool(tool) {
            found.fail("tools", &error);
            all = false;
        }
    }
    if all {
        found.add(
            "tools",
            CheckResult::Passed,
            format!("{} are installed", tools.join(", ")),
        );
    }
    all
}

fn check_configuration(
    machine: &Machine<'_>,
    wanted: Option<&Wanted<'_>>,
    tools_there: bool,
    found: &mut Preflight,
) -> (Option<Globals>, Option<Accepted>) {
    let globals = match administrators_globals(machine.host) {
        Ok(globals) => globals,
        Err(error) => {
            found.fail("smb.conf", &error);
            return (None, None);
        }
    };
    let mut accepted = None;
    if globals.uses_registry_only() {
        found.add_with_remedy(
            "smb.conf",
            CheckResult::Failed,
            format!("samba takes its configuration from its registry alone, not from {SMB_CONF}"),
            Some(format!(
                "write `include = registry` in the place of `config backend = registry` in \
                 {SMB_CONF}"
            )),
        );
    } else if tools_there {
        // One that is read with the share is read without it; whether it is the share that Samba
        // does not accept shows when the file alone is put to it.
        accepted = wanted.and_then(|wanted| accept_candidate(machine, wanted));
        let readable = match accepted {
            Some(_) => Ok(()),
            None => check_administrators(machine.host, machine.deadline).map(drop),
        };
        match readable {
            Ok(()) => found.add("smb.conf", CheckResult::Passed, "samba can read smb.conf"),
            Err(error) => found.fail("smb.conf", &error),
        }
    }
    (Some(globals), accepted)
}

/// The configuration with the share, as [`Publish`](crate::steps::definition::Publish) will want to
/// install it, if Samba accepts it; why it does not is found out there.
fn accept_candidate(machine: &Machine<'_>, wanted: &Wanted<'_>) -> Option<Accepted> {
    let Wanted {
        spec,
        survey,
        others,
        ..
    } = wanted;
    let specs = others.iter().map(|other| &other.spec);
    let on_btrfs = survey.quota == QuotaState::Enforced(Filesystem::Btrfs);
    let candidate = Candidate {
        spec,
        free_space_command: machine.free_space_command.as_deref().filter(|_| on_btrfs),
        globals: wanted_globals(specs.chain([*spec])),
    };
    candidate.accept(machine.host, machine.deadline).ok()
}

/// Whether what the administrator set for the whole server is as strict as the share needs.
fn check_settings(
    machine: &Machine<'_>,
    share: Option<&ShareSpec>,
    globals: &Globals,
    found: &mut Preflight,
) {
    let mut all = true;
    for (key, wanted) in wanted_globals(share.into_iter()) {
        let Some(given) = globals.text(key) else {
            continue;
        };
        if share.is_some() && !is_at_least(key, &given, wanted) {
            all = false;
            let mut remedy = format!("remove `{key} = {given}` from {SMB_CONF}");
            if key == "server min protocol" {
                remedy.push_str(", or ask for an older protocol with --min-protocol");
            }
            found.add_with_remedy(
                "settings",
                CheckResult::Failed,
                format!("{SMB_CONF} sets `{key} = {given}`, and the share needs `{wanted}`"),
                Some(remedy),
            );
        }
    }
    if let Some(spec) = share
        && !can_be_proven(machine, spec, globals)
    {
        all = false;
        found.add_with_remedy(
            "settings",
            CheckResult::Failed,
            format!(
                "{SMB_CONF} requires encryption of the whole server, so that smbd tells nobody \
                 without a password whether the share is there"
            ),
            Some(format!(
                "remove `server smb encrypt` from the [global] section of {SMB_CONF} and make \
                 shares with --encrypt required, or make this one with --create-user"
            )),
        );
    }
    if all {
        found.add(
            "settings",
            CheckResult::Passed,
            "nothing in smb.conf weakens the share",
        );
    }
}

/// Whether a connection can show that the share is there: with encryption required of everybody,
/// only somebody with a password gets an answer.
fn can_be_proven(machine: &Machine<'_>, spec: &ShareSpec, globals: &Globals) -> bool {
    let value = globals.text("server smb encrypt").unwrap_or_default();
    let required = ["required", "mandatory", "force", "forced", "enforced"];
    !required.contains(&value.to_lowercase().as_str())
        || !machine.host.is_live()
        || spec
            .access
            .users
            .iter()
            .any(|user| spec.auth.lets_in(user) && machine.password_of(user).is_some())
}

fn check_quota(survey: &Survey, found: &mut Preflight) {
    let mount = survey.mount_point.display();
    match &survey.quota {
        QuotaState::Enforced(filesystem) => found.add(
            "quota",
            CheckResult::Passed,
            format!("{filesystem} at {mount} enforces limits"),
        ),
        QuotaState::Off { reason, remedy, .. } => found.add_with_remedy(
            "quota",
            CheckResult::Failed,
            format!(
                "{} at {mount} does not enforce limits: {reason}",
                survey.type_name
            ),
            Some(remedy.clone()),
        ),
        QuotaState::Unsupported { remedy } => found.add_with_remedy(
            "quota",
            CheckResult::Failed,
            format!(
                "{} at {mount} has no limits for directories",
                survey.type_name
            ),
            Some(remedy.clone()),
        ),
    }
}

fn check_space(share: Option<&ShareSpec>, survey: &Survey, found: &mut Preflight) {
    let available = ByteSize::from_bytes(survey.available);
    let mount = survey.mount_point.display();
    if survey.available < SMALLEST_FREE {
        found.add_with_remedy(
            "space",
            CheckResult::Failed,
            format!("only {available} are free at {mount}"),
            Some(format!(
                "free at least {}",
                ByteSize::from_bytes(SMALLEST_FREE)
            )),
        );
        return;
    }
    match share {
        Some(spec) if spec.quota.bytes().saturating_sub(survey.used) > survey.available => found
            .add_with_remedy(
                "space",
                CheckResult::Warning,
                format!(
                    "{available} are free at {mount}, less than the quota of {}",
                    spec.quota
                ),
                Some("the disk will be full before the share is; add storage in time".into()),
            ),
        _ => found.add(
            "space",
            CheckResult::Passed,
            format!("{available} are free at {mount}"),
        ),
    }
}

/// Users of a domain need more than users of this machine do.
fn check_domain(wanted: &Wanted<'_>, found: &mut Preflight) {
    if !auth::is_of_domain(&wanted.spec.access, wanted.spec.auth) {
        return;
    }
    match wanted.domain {
        None => found.add(
            "domain",
            CheckResult::Passed,
            "a domain controller answers, and the system knows users of the domain",
        ),
        // It passes by itself.
        Some(error @ DomainError::NoController { .. }) => found.add_with_remedy(
            "domain",
            CheckResult::Warning,
            error.to_string(),
            error.remedy(),
        ),
        Some(error) => found.fail("domain", error),
    }
}

fn check_service(machine: &Machine<'_>, globals: &Globals, found: &mut Preflight) {
    let endpoint = match smb_endpoint(machine.host, globals, machine.deadline) {
        Ok(endpoint) => endpoint,
        Err(error) => return found.fail("service", &error),
    };
    let limit = machine.deadline.at_most(LONGEST_CHANGE);
    let (state, answers) = loop {
        let state = match machine.service.state(machine.deadline) {
            Ok(state) => state,
            Err(error) => return found.fail("service", &error),
        };
        let answers = TcpStream::connect_timeout(&endpoint, CONNECT_TIME).is_ok();
        let fits = answers == (state == ServiceState::Running);
        // Somebody else may just be starting or stopping it.
        if fits || limit.has_passed() {
            break (state, answers);
        }
        std::thread::sleep(PAUSE.min(limit.remaining()));
    };
    match (state, answers) {
        (ServiceState::Running, true) => {
            found.add(
                "service",
                CheckResult::Passed,
                format!("smbd answers at {endpoint}"),
            );
        }
        (ServiceState::Stopped, false) => found.add(
            "service",
            CheckResult::Passed,
            format!("smbd does not run, will be started, and {endpoint} is free"),
        ),
        (ServiceState::Running, false) => found.add_with_remedy(
            "service",
            CheckResult::Failed,
            format!("smbd runs, but nothing answers at {endpoint}"),
            Some("look at the log of smbd, and at `interfaces` and `smb ports` in smb.conf".into()),
        ),
        (ServiceState::Stopped, true) => found.add_with_remedy(
            "service",
            CheckResult::Failed,
            format!("{endpoint} is taken by another program than smbd"),
            Some(format!(
                "run `ss -tlnp sport = {}` to see which",
                endpoint.port()
            )),
        ),
    }
}

fn look_for_passwords(
    host: &dyn Host,
    users: &[&UserName],
    deadline: Deadline,
) -> Vec<Result<bool, AccountError>> {
    let users = users.iter();
    users
        .map(|user| account::smb_password_exists(host, user, deadline))
        .collect()
}

/// Users without an SMB password cannot log in, however right everything else is.
fn check_password(user: &UserName, exists: Result<bool, AccountError>, found: &mut Preflight) {
    match exists {
        Ok(true) => found.add(
            "password",
            CheckResult::Passed,
            format!("{user} has an SMB password"),
        ),
        Ok(false) => found.add_with_remedy(
            "password",
            CheckResult::Warning,
            format!("{user} has no SMB password on this machine"),
            Some(format!("run `smbpasswd -a {user}`")),
        ),
        Err(error) => found.fail("password", &error),
    }
}

/// The free space below which no share is begun, in bytes.
const SMALLEST_FREE: u64 = 4 << 20;

const CONNECT_TIME: Duration = Duration::from_secs(2);

/// How long smbd may run and not answer, or answer and not run, while it starts or stops.
const LONGEST_CHANGE: Duration = Duration::from_secs(5);

/// How long to wait between two looks at smbd.
const PAUSE: Duration = Duration::from_millis(20);
