//! The folder that templates are kept in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host, Lock, create_dirs};

use super::error::TemplateError;
use super::name::TemplateName;
use super::record::{RECORD, Template, TemplateRecord, VERSION};

/// What the name of a folder begins with that is no template yet, or none any more.
const UNFINISHED: &str = ".unfinished-";

/// How long cleaning up may take, whatever the deadline was.
const CLEANING: Duration = Duration::from_secs(120);

/// The templates of one host, each in a folder of its own.
#[derive(Clone, Debug)]
pub struct TemplateStore<'a> {
    host: &'a dyn Host,
    path: PathBuf,
}

impl<'a> TemplateStore<'a> {
    /// Where templates are kept if nothing else is said.
    pub const DEFAULT: &'static str = "/var/lib/smbgw/templates";

    /// The templates that `host` has in the folder `path`, which need not be there.
    pub fn new(host: &'a dyn Host, path: impl Into<PathBuf>) -> Self {
        Self {
            host,
            path: path.into(),
        }
    }

    /// The host that has them.
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All templates, sorted by name.
    ///
    /// # Errors
    /// Where the folder or a record in it cannot be read.
    pub fn list(&self) -> Result<Vec<Template>, TemplateError> {
        let mut found = Vec::new();
        for entry in self.host.list(&self.path)? {
            let Ok(name) = entry.parse::<TemplateName>() else {
                continue;
            };
            match self.show(&name) {
                Ok(template) => found.push(template),
                // Deleted since the listing, or a folder of somebody else's.
                Err(TemplateError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// One template.
    ///
    /// # Errors
    /// [`TemplateError::NotFound`], and where its record cannot be read.
    pub fn show(&self, name: &TemplateName) -> Result<Template, TemplateError> {
        let folder = self.folder(name);
        let path = folder.join(RECORD);
        let content = self.host.read(&path)?;
        let content = content.ok_or_else(|| TemplateError::NotFound(name.clone()))?;
        let record = parse(&content).map_err(|why| TemplateError::Record { path, why })?;
        Ok(Template {
            folder,
            record,
            users: self.users(name)?,
        })
    }

    /// Removes a template and all that belongs to it.
    ///
    /// # Errors
    /// [`TemplateError::InUse`] where disks are layers over it, [`TemplateError::NotFound`] where there is none.
    pub fn delete(&self, name: &TemplateName, deadline: Deadline) -> Result<(), TemplateError> {
        let _lock = self.lock(name, "delete a template", deadline)?;
        self.check_deletable(name)?;
        // Out of sight first, so that half a template is never found.
        let aside = self.unfinished(name);
        self.clean(name)?;
        self.move_to(&self.folder(name), &aside, deadline)?;
        self.clean(name)
    }

    /// Whether a template could be deleted as things are now. One whose record is damaged can be, too.
    ///
    /// # Errors
    /// As those of [`delete`](Self::delete).
    pub fn check_deletable(&self, name: &TemplateName) -> Result<(), TemplateError> {
        if self.host.status(&self.folder(name))?.is_none() {
            return Err(TemplateError::NotFound(name.clone()));
        }
        let users = self.users(name)?;
        match users.is_empty() {
            true => Ok(()),
            false => Err(TemplateError::InUse {
                name: name.clone(),
                users,
            }),
        }
    }

    /// The folder of a template, be it there or not.
    pub(super) fn folder(&self, name: &TemplateName) -> PathBuf {
        self.path.join(name.as_str())
    }

    /// Where a template is made, beside its place.
    pub(super) fn unfinished(&self, name: &TemplateName) -> PathBuf {
        self.path.join(format!("{UNFINISHED}{name}"))
    }

    /// Whoever changes a template holds this lock.
    pub(super) fn lock(
        &self,
        name: &TemplateName,
        purpose: &str,
        deadline: Deadline,
    ) -> Result<Lock, TemplateError> {
        Ok(self
            .host
            .lock(&format!("template-{name}"), purpose, deadline)?)
    }

    /// An empty folder for a template that is to be made, under its lock.
    pub(super) fn begin(&self, name: &TemplateName) -> Result<PathBuf, TemplateError> {
        create_dirs(self.host, &self.path, 0o755)?;
        self.clean(name)?;
        let work = self.unfinished(name);
        self.host.create_dir(&work, 0o755)?;
        Ok(work)
    }

    /// Puts what was made at `made` in its place, durably.
    pub(super) fn finish(
        &self,
        name: &TemplateName,
        made: &Path,
        deadline: Deadline,
    ) -> Result<(), TemplateError> {
        self.host
            .run(&Command::new("sync").arg("-f").arg(made), deadline)?;
        self.move_to(made, &self.folder(name), deadline)?;
        self.host
            .run(&Command::new("sync").arg(&self.path), deadline)?;
        Ok(())
    }

    /// Removes what a run left that failed or was killed, under the lock of the template. It has its own time,
    /// as it comes after a failure too.
    pub(super) fn clean(&self, name: &TemplateName) -> Result<(), TemplateError> {
        let left = self.unfinished(name);
        if self.host.status(&left)?.is_some() {
            self.host.empty_dir(&left, Deadline::after(CLEANING))?;
            self.host.remove_dir(&left)?;
        }
        Ok(())
    }

    fn move_to(&self, from: &Path, to: &Path, deadline: Deadline) -> Result<(), TemplateError> {
        let command = Command::new("mv")
            .args(["-T", "-n", "--"])
            .arg(from)
            .arg(to);
        self.host.run(&command, deadline)?;
        Ok(())
    }
}

fn parse(content: &[u8]) -> Result<TemplateRecord, String> {
    #[derive(Deserialize)]
    struct Form {
        version: u32,
    }
    let form: Form = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    if form.version > VERSION {
        return Err(format!(
            "its form {} is newer than this program",
            form.version
        ));
    }
    serde_json::from_slice(content).map_err(|error| error.to_string())
}
