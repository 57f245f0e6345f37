//! The keys of the machine's account, where services look for them.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::Host;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::{JoinError, step};
use crate::krb::crypto::{EncryptionType, Key, computer_salt};
use crate::krb::keytab::{Entry, Keytab};
use crate::name::{ComputerName, Principal, Realm, Spn};
use smbgw_core::secret::Secret;

/// The keytab of the machine (krb5.conf(5), `default_keytab_name`).
pub const DEFAULT: &str = "/etc/krb5.keytab";

/// The encryption types of the keys of our accounts, the best first: those that every supported
/// domain has.
pub const TYPES: [EncryptionType; 2] = [EncryptionType::Aes256Sha1, EncryptionType::Aes128Sha1];

/// Adds the keys of the machine's account to a keytab; those of others and older ones stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteKeys {
    /// The keytab.
    pub keytab: PathBuf,
    /// The computer.
    pub computer: ComputerName,
    /// The realm.
    pub realm: Realm,
    /// The services of the account.
    pub services: Vec<Spn>,
}

/// What taking keys back needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenKeys {
    /// Whether there was a keytab before.
    existed: bool,
    /// The version of the keys.
    version: u32,
}

impl Action<Gateway<'_>> for WriteKeys {
    type Undo = WrittenKeys;

    fn title(&self) -> String {
        format!(
            "write the keys of {} to {}",
            self.computer,
            self.keytab.display()
        )
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<WrittenKeys>, StepError> {
        let session = gateway.logged_in().map_err(step)?;
        let account = session
            .account(&self.computer, gateway.deadline)
            .map_err(step)?;
        Ok(Some(WrittenKeys {
            existed: gateway.host.status(&self.keytab)?.is_some(),
            version: account.key_version,
        }))
    }

    fn apply(&self, gateway: &Gateway<'_>, undo: &WrittenKeys) -> Result<Change, StepError> {
        let password = gateway
            .password
            .ok_or(JoinError::PasswordGone)
            .map_err(step)?;
        let keys = keys(password, &self.realm, &self.computer).map_err(step)?;
        let mut keytab = read(gateway.host, &self.keytab).map_err(step)?;
        let principals = principals(&self.computer, &self.realm, &self.services);
        insert(
            &mut keytab,
            &principals,
            undo.version,
            &keys,
            gateway.host.now(),
        );
        write(gateway.host, &self.keytab, &keytab).map_err(step)
    }

    fn undo(&self, gateway: &Gateway<'_>, undo: &WrittenKeys) -> Result<(), StepError> {
        gateway.host.remove_temporary(&self.keytab)?;
        let mut keytab = read(gateway.host, &self.keytab).map_err(step)?;
        let principals = principals(&self.computer, &self.realm, &self.services);
        for principal in &principals {
            keytab.remove_version(principal, undo.version);
        }
        if keytab.is_empty() && !undo.existed {
            gateway.host.remove(&self.keytab)?;
        } else if gateway.host.status(&self.keytab)?.is_some() {
            write(gateway.host, &self.keytab, &keytab).map_err(step)?;
        }
        Ok(())
    }

    fn left_behind(&self, undo: &WrittenKeys) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!(
                "keys of {} of version {} in {}",
                self.computer,
                undo.version,
                self.keytab.display()
            ),
            commands: vec!["pve-smbgateway ad-leave --host-only".into()],
        }]
    }
}

/// Removes the keys of the machine's account from a keytab, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveKeys {
    /// The keytab.
    pub keytab: PathBuf,
    /// The computer.
    pub computer: ComputerName,
    /// The realm.
    pub realm: Realm,
    /// The services of the account.
    pub services: Vec<Spn>,
}

impl Action<Gateway<'_>> for RemoveKeys {
    type Undo = ();

    fn title(&self) -> String {
        format!(
            "remove the keys of {} from {}",
            self.computer,
            self.keytab.display()
        )
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<()>, StepError> {
        Ok(gateway.host.status(&self.keytab)?.map(|_| ()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        let mut keytab = read(gateway.host, &self.keytab).map_err(step)?;
        let principals = principals(&self.computer, &self.realm, &self.services);
        let removed: usize = principals
            .iter()
            .map(|principal| keytab.remove(principal))
            .sum();
        match (removed, keytab.is_empty()) {
            (0, _) => Ok(Change::Unchanged),
            (_, true) => Ok(gateway.host.remove(&self.keytab)?),
            (_, false) => write(gateway.host, &self.keytab, &keytab).map_err(step),
        }
    }

    fn undo(&self, _: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        Err(step(JoinError::NoWayBack))
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("keys of {} in {}", self.computer, self.keytab.display()),
            commands: vec!["pve-smbgateway ad-leave --host-only".into()],
        }]
    }
}

/// The keys that `password` makes for the account of `computer`.
///
/// # Errors
/// Where a key cannot be made.
pub fn keys(
    password: &Secret,
    realm: &Realm,
    computer: &ComputerName,
) -> Result<Vec<Key>, JoinError> {
    let salt = computer_salt(realm, computer);
    TYPES
        .iter()
        .map(|etype| Key::from_password(*etype, password, &salt, None).map_err(JoinError::Crypto))
        .collect()
}

/// Those whose keys are in the keytab: the account, and all its services.
pub fn principals(computer: &ComputerName, realm: &Realm, services: &[Spn]) -> Vec<Principal> {
    std::iter::once(Principal::computer(computer, realm.clone()))
        .chain(
            services
                .iter()
                .map(|spn| Principal::of_spn(spn, realm.clone())),
        )
        .collect()
}

/// The principals in `keytab` that share keys with `account`: its services. Which version they share does not
/// matter, as an interrupted rotation may have left newer ones.
pub fn of_the_account(keytab: &Keytab, account: &Principal) -> Vec<Principal> {
    let versions = keytab.versions(account).into_iter();
    let own: Vec<(u32, Vec<Key>)> = versions
        .map(|version| (version, keytab.keys(account, version)))
        .collect();
    let shares_keys = |principal: &Principal| {
        own.iter().any(|(version, keys)| {
            let theirs = keytab.keys(principal, *version);
            theirs.iter().any(|key| keys.iter().any(|own| own.is(key)))
        })
    };
    let mut principals = keytab.principals();
    principals.retain(|principal| principal != account && shares_keys(principal));
    principals
}

/// Puts `keys` of `version` into `keytab` for all `principals`.
pub fn insert(keytab: &mut Keytab, principals: &[Principal], version: u32, keys: &[Key], now: i64) {
    let made = Timestamp::from_second(now).unwrap_or(Timestamp::UNIX_EPOCH);
    for principal in principals {
        for key in keys {
            keytab.insert(Entry::new(principal, version, made, key));
        }
    }
}

/// The keytab at `path`, empty where there is none.
///
/// # Errors
/// Where it cannot be read.
pub fn read(host: &dyn Host, path: &Path) -> Result<Keytab, JoinError> {
    match host.read(path)? {
        Some(bytes) => Ok(Keytab::parse(&zeroize::Zeroizing::new(bytes))?),
        None => Ok(Keytab::default()),
    }
}

/// Replaces the keytab at `path`; a new one is for its owner only.
///
/// # Errors
/// Where it cannot be written; it is as it was then.
pub fn write(host: &dyn Host, path: &Path, keytab: &Keytab) -> Result<Change, JoinError> {
    Ok(host.write(path, &keytab.render(), 0o600)?)
}
