//! What tests of alerts begin with.
#![allow(dead_code)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use smbgw_core::alert::channel::{ChannelSettings, build};
use smbgw_core::alert::{Channel, Event, Facts, Kind, Messages, Notice, Severity};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;
use smbgw_core::host::{Host, LocalHost};
use smbgw_testing::Authority;

/// A share that is nearly full.
pub(crate) fn notice() -> Notice {
    Notice {
        id: "0123456789abcdef0123456789abcdef".into(),
        at: 1_800_000_060,
        host: "gw".into(),
        share: Some("Médiathèque".parse().unwrap()),
        kind: Kind::Space,
        event: Event::Raised,
        severity: Severity::Warning,
        since: 1_800_000_000,
        facts: Facts {
            summary: "9G of 10G are used".into(),
            remedy: Some("delete <something>".into()),
            used: Some(9 << 30),
            limit: Some(10 << 30),
            percent: Some(90.0),
            ..Facts::default()
        },
    }
}

/// The channels that `settings` ask for.
pub(crate) fn channels<'a>(
    settings: &ChannelSettings,
    host: &'a dyn Host,
    messages: &'a Messages,
) -> Vec<Box<dyn Channel + 'a>> {
    build(settings, host, messages).unwrap()
}

/// What is wrong with the settings in `toml`.
pub(crate) fn problems_of(toml: &str) -> Vec<Problem> {
    let settings = toml::from_str(toml).unwrap();
    build(&settings, &LocalHost::new(), &Messages::built_in())
        .err()
        .unwrap_or_default()
}

/// Delivers `notice` by the first channel of `toml` beside the journal.
pub(crate) fn deliver(
    toml: &str,
    notice: &Notice,
    deadline: Deadline,
) -> Result<(), smbgw_core::alert::ChannelError> {
    let (host, messages) = (LocalHost::new(), Messages::built_in());
    let mut settings: ChannelSettings = toml::from_str(toml).unwrap();
    settings.journal.enabled = Some(false);
    channels(&settings, &host, &messages)[0].deliver(notice, deadline)
}

/// The files of a host in a directory of their own.
pub(crate) struct Tree {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) host: LocalHost,
    name: &'static str,
}

impl Tree {
    /// One for a test that looks at the file `name` among those of the state.
    pub(crate) fn with(name: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(dir.path());
        Self { dir, host, name }
    }

    /// The file that the test looks at.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("var/lib/smbgw").join(self.name)
    }
}

/// A deadline that a test on a busy machine does not meet by chance.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// A server that has a certificate for `localhost`, and 127.0.0.1, of `authority`.
pub(crate) fn configure(authority: &Authority) -> Arc<ServerConfig> {
    let issued = authority.issue("localhost").unwrap();
    let chain = CertificateDer::pem_file_iter(&issued.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&issued.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Arc::new(
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap(),
    )
}
