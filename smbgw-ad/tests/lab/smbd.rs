//! The smbd of a host that a test works on from outside, whose processes are not the test's.

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};
use smbgw_core::service::{ServiceError, ServiceState, SmbService};
use smbgw_core::testing::EnteredHost;
use smbgw_testing::LightHost;

/// The smbd of `host`, which only the test itself starts and stops.
pub(crate) struct EnteredSmbd<'a> {
    pub(crate) host: &'a LightHost,
    pub(crate) entered: &'a EnteredHost,
}

impl EnteredSmbd<'_> {
    fn control(&self, words: &[&str], deadline: Deadline) -> Result<(), ServiceError> {
        let command = Command::new("smbcontrol").arg("smbd").args(words);
        self.entered.run(&command, deadline)?;
        Ok(())
    }

    fn not_here<T>(&self) -> Result<T, ServiceError> {
        Err(ServiceError::NotLocal {
            host: self.host.name().into(),
        })
    }
}

impl SmbService for EnteredSmbd<'_> {
    fn state(&self, _: Deadline) -> Result<ServiceState, ServiceError> {
        Ok(match self.host.listens_on(445) {
            true => ServiceState::Running,
            false => ServiceState::Stopped,
        })
    }

    fn start(&self, _: Deadline) -> Result<Change, ServiceError> {
        self.not_here()
    }

    fn stop(&self, _: Deadline) -> Result<Change, ServiceError> {
        self.not_here()
    }

    fn reload(&self, deadline: Deadline) -> Result<(), ServiceError> {
        self.control(&["reload-config"], deadline)
    }

    fn close_share(&self, name: &str, deadline: Deadline) -> Result<(), ServiceError> {
        self.control(&["close-share", name], deadline)
    }

    fn describe(&self) -> &str {
        "smbd"
    }
}
