//! Who uses a template: a file for each machine whose disk is a layer over it.

use std::path::PathBuf;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;

use super::error::TemplateError;
use super::name::TemplateName;
use super::record::USERS;
use super::store::TemplateStore;

impl TemplateStore<'_> {
    /// Says that `user`, such as the name of a virtual machine, needs the template from now on: it cannot be
    /// deleted until [`release`](Self::release). This is done before a disk is made over that of the template.
    ///
    /// # Errors
    /// [`TemplateError::NotFound`] where it was deleted meanwhile.
    pub fn claim(
        &self,
        name: &TemplateName,
        user: &TemplateName,
        deadline: Deadline,
    ) -> Result<Change, TemplateError> {
        let _lock = self.lock(name, "use a template", deadline)?;
        self.show(name)?;
        self.host().create_dir(&self.users_folder(name), 0o755)?;
        Ok(self
            .host()
            .write(&self.claim_path(name, user), b"", 0o644)?)
    }

    /// Takes back a [`claim`](Self::claim); also where the template is gone.
    ///
    /// # Errors
    /// Where that cannot be noted.
    pub fn release(
        &self,
        name: &TemplateName,
        user: &TemplateName,
        deadline: Deadline,
    ) -> Result<Change, TemplateError> {
        let _lock = self.lock(name, "stop using a template", deadline)?;
        Ok(self.host().remove(&self.claim_path(name, user))?)
    }

    /// Who uses the template, sorted.
    pub(super) fn users(&self, name: &TemplateName) -> Result<Vec<String>, TemplateError> {
        let mut users = self.host().list(&self.users_folder(name))?;
        users.retain(|user| user.parse::<TemplateName>().is_ok());
        Ok(users)
    }

    fn users_folder(&self, name: &TemplateName) -> PathBuf {
        self.folder(name).join(USERS)
    }

    fn claim_path(&self, name: &TemplateName, user: &TemplateName) -> PathBuf {
        self.users_folder(name).join(user.as_str())
    }
}
