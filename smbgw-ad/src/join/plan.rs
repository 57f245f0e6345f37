//! The steps of a join.

use std::path::PathBuf;

use super::JoinSpec;
use super::preflight::{AccountReady, Ready};
use crate::membership::Draft;
use crate::plan::{Operation, Plan, Step};
use crate::session::Session;
use crate::steps::access::ProveAccess;
use crate::steps::account::{About, MakeAccount};
use crate::steps::addresses::{Record, RegisterAddresses};
use crate::steps::kerberos::SetKerberos;
use crate::steps::keytab::{self, WriteKeys};
use crate::steps::names::SetNames;
use crate::steps::proof::ProveMembership;
use crate::steps::record::Remember;
use crate::steps::secret::{DropKept, TellSamba};
use crate::steps::services::{HoldServices, ProveTrust, StartServices};
use crate::steps::settings::SetSettings;
use crate::winbind::Version;

/// The join that `spec` asks for, as `ready` says that it can be done; `mark` tells the account that it
/// makes from others.
pub(super) fn plan(spec: &JoinSpec, session: &Session, ready: &Ready, mark: String) -> Plan {
    let member = ready.member.clone();
    let realm = member.realm.clone();
    let keytab = PathBuf::from(keytab::DEFAULT);
    let mut steps: Vec<Step> = vec![
        make_account(spec, &ready.account, ready.samba, mark).into(),
        WriteKeys {
            keytab: keytab.clone(),
            computer: spec.computer.clone(),
            realm,
            services: ready.account.services.clone(),
        }
        .into(),
        HoldServices {}.into(),
        SetSettings {
            decision: ready.decision.clone(),
        }
        .into(),
        TellSamba {
            member: member.clone(),
        }
        .into(),
        SetKerberos {
            plan: ready.kerberos.clone(),
        }
        .into(),
    ];
    steps.extend(
        ready
            .names
            .clone()
            .map(|addition| SetNames { addition }.into()),
    );
    steps.push(
        StartServices {
            winbind: spec.winbind,
        }
        .into(),
    );
    // The file server's name stands for all: they have the same keys.
    let cifs = ready
        .account
        .services
        .iter()
        .find(|spn| spn.class() == "cifs");
    steps.extend(cifs.map(|service| {
        ProveMembership {
            member: member.clone(),
            keytab: keytab.clone(),
            service: service.clone(),
        }
        .into()
    }));
    if spec.winbind {
        steps.push(ProveTrust {}.into());
    }
    if spec.winbind && spec.nsswitch {
        steps.push(
            ProveAccess {
                member: member.clone(),
                host_name: spec.host_name.clone(),
            }
            .into(),
        );
    }
    if !ready.addresses.is_empty() {
        let record = Record {
            host_name: spec.host_name.clone(),
            domain: session.discovery().domain.name.clone(),
            server: spec.server.clone(),
            member: member.clone(),
            keytab: keytab.clone(),
        };
        steps.push(
            RegisterAddresses {
                record,
                addresses: ready.addresses.clone(),
            }
            .into(),
        );
    }
    steps.push(
        Remember {
            draft: Box::new(Draft {
                computer: spec.computer.clone(),
                host_name: spec.host_name.clone(),
                account_made: ready.account.existing.is_none(),
                services: ready.account.services.clone(),
                server: spec.server.clone(),
                keytab,
                kerberos: Some(ready.kerberos.clone()),
                names: ready.names.clone(),
                registered: ready.addresses.clone(),
            }),
        }
        .into(),
    );
    let point_of_no_return = Some(steps.len());
    steps.push(DropKept { member }.into());
    Plan {
        operation: Operation::Join,
        domain: spec.domain.clone(),
        computer: spec.computer.clone(),
        steps,
        point_of_no_return,
    }
}

/// The account that `spec` describes.
pub(super) fn make_account(
    spec: &JoinSpec,
    ready: &AccountReady,
    samba: Option<Version>,
    mark: String,
) -> MakeAccount {
    MakeAccount {
        computer: spec.computer.clone(),
        container: ready.container.clone(),
        existing: ready.existing,
        about: About {
            host_name: spec.host_name.clone(),
            services: ready.services.clone(),
            operating_system: Some("Samba".into()),
            operating_system_version: samba.map(|version| version.to_string()),
        },
        mark,
    }
}
