//! Documents looked over before a guest starts with them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use smbgw_core::error::{Coded, Problem};
use smbgw_core::host::{FileError, Host};

use super::cloud_config::HEADER;
use super::schema::{Schema, SchemaError};
use super::{CloudConfig, Documents, NetworkConfig, Rendered};
use crate::code::Code;

/// The schemas that a version of cloud-init comes with.
#[derive(Clone, Debug)]
pub struct Schemas {
    cloud_config: Schema,
    /// By version; cloud-init has them since 24.1.
    network: [Option<Schema>; 2],
}

/// The schemas cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SchemasError {
    /// They cannot be read from where they are.
    #[error("the schemas of cloud-init cannot be read")]
    File(#[from] FileError),
    /// There are none.
    #[error("there is no schema of cloud-init at {0}")]
    Missing(String),
    /// One of them is not understood.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl Schemas {
    /// The name of the schema of user-data and vendor-data, as cloud-init has it.
    pub const CLOUD_CONFIG: &str = "schema-cloud-config-v1.json";

    /// The names of the schemas of versions 1 and 2 of the network's configuration.
    pub const NETWORK: [&str; 2] = [
        "schema-network-config-v1.json",
        "schema-network-config-v2.json",
    ];

    /// Where cloud-init has them, below the root of a Debian.
    pub const DIRECTORY: &str = "/usr/lib/python3/dist-packages/cloudinit/config/schemas";

    /// The schemas in these texts.
    ///
    /// # Errors
    /// Where one of them is not understood.
    pub fn parse(cloud_config: &[u8], network: [Option<&[u8]>; 2]) -> Result<Self, SchemaError> {
        let [one, two] = network.map(|bytes| bytes.map(Schema::parse).transpose());
        Ok(Self {
            cloud_config: Schema::parse(cloud_config)?,
            network: [one?, two?],
        })
    }

    /// The schemas in a directory of `host`.
    ///
    /// # Errors
    /// Where that of user-data is not there, or one of them cannot be read or is not understood.
    pub fn read(host: &dyn Host, directory: &Path) -> Result<Self, SchemasError> {
        let path = directory.join(Self::CLOUD_CONFIG);
        let missing = || SchemasError::Missing(path.display().to_string());
        let cloud_config = host.read(&path)?.ok_or_else(missing)?;
        let mut network = [None, None];
        for (name, content) in Self::NETWORK.iter().zip(&mut network) {
            *content = host.read(&directory.join(name))?;
        }
        let network = network.each_ref().map(Option::as_deref);
        Ok(Self::parse(&cloud_config, network)?)
    }

    /// Everything in these texts that cloud-init would not take.
    pub fn check(&self, documents: &Rendered) -> Vec<Problem> {
        let mut problems = self.check_cloud_config("user-data", &documents.user_data);
        if let Some(text) = &documents.vendor_data {
            problems.extend(self.check_cloud_config("vendor-data", text));
        }
        if let Some(text) = &documents.network_config {
            problems.extend(self.check_network(text));
        }
        problems
    }

    fn check_cloud_config(&self, field: &str, text: &str) -> Vec<Problem> {
        match text.split_once('\n') {
            Some((HEADER, json)) => hold_against(&self.cloud_config, field, json),
            _ => vec![refused(
                field,
                format!("it does not begin with the line `{HEADER}`"),
            )],
        }
    }

    fn check_network(&self, text: &str) -> Vec<Problem> {
        let field = "network-config";
        let document: Result<Value, _> = serde_json::from_str(text);
        let version = document
            .as_ref()
            .ok()
            .and_then(|all| all.get("version")?.as_u64());
        match version {
            Some(version @ (1 | 2)) => match &self.network[version as usize - 1] {
                Some(schema) => hold_against(schema, field, text),
                None => Vec::new(),
            },
            _ => vec![refused(
                field,
                "it does not say that it is of version 1 or 2",
            )],
        }
    }
}

fn hold_against(schema: &Schema, field: &str, json: &str) -> Vec<Problem> {
    match serde_json::from_str(json) {
        Ok(document) => schema
            .check(&document)
            .iter()
            .map(|violation| refused(field, violation.to_string()))
            .collect(),
        Err(error) => vec![refused(field, format!("it is no JSON: {error}"))],
    }
}

fn refused(field: &str, message: impl Into<String>) -> Problem {
    let code = Code::DocumentRefused;
    Problem::invalid(field, code.as_str(), message).remedy(code.fix())
}

impl Documents {
    /// What no schema tells: names and places that are given twice, and cards that cannot be.
    pub fn contradictions(&self) -> Vec<Problem> {
        let mut problems = self.user_data.contradictions("user-data");
        if let Some(vendor_data) = &self.vendor_data {
            problems.extend(vendor_data.contradictions("vendor-data"));
        }
        if let Some(network) = &self.network {
            problems.extend(network.contradictions());
        }
        problems
    }
}

impl CloudConfig {
    fn contradictions(&self, field: &str) -> Vec<Problem> {
        let mut found = Repeated::of(field);
        found.look("user", self.users.iter().map(|user| &user.name));
        found.look("file", self.write_files.iter().map(|file| file.path()));
        let disks = || self.data_disks.iter();
        found.look("disk", disks().map(|disk| disk.device()));
        found.look("label", disks().map(|disk| disk.label()));
        found.look("mount point", disks().map(|disk| disk.mount_point()));
        found.problems
    }
}

impl NetworkConfig {
    fn contradictions(&self) -> Vec<Problem> {
        let mut found = Repeated::of("network-config");
        found.look("name", self.interfaces.iter().map(|card| &card.name));
        found.look("card", self.interfaces.iter().map(|card| card.mac));
        let mut problems = found.problems;
        let of_none = self.interfaces.iter().filter(|card| !card.mac.is_of_one());
        problems.extend(of_none.map(|card| {
            let message = format!("{} is not the address of one network adapter", card.mac);
            refused("network-config", message)
        }));
        problems
    }
}

/// Looks for what is there twice.
struct Repeated<'a> {
    field: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Repeated<'a> {
    fn of(field: &'a str) -> Self {
        Self {
            field,
            problems: Vec::new(),
        }
    }

    fn look<T: std::fmt::Display>(&mut self, what: &str, all: impl Iterator<Item = T>) {
        let mut seen = BTreeSet::new();
        let twice = all
            .map(|one| one.to_string())
            .filter(|one| !seen.insert(one.clone()));
        let field = self.field;
        self.problems
            .extend(twice.map(|one| refused(field, format!("the {what} `{one}` is there twice"))));
    }
}

impl Coded for SchemasError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Missing(_) => Code::SchemaMissing.as_str(),
            Self::Schema(error) => error.code(),
        }
    }

    fn kind(&self) -> smbgw_core::error::ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Missing(_) => smbgw_core::error::ErrorKind::NotFound,
            Self::Schema(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(error) => error.remedy(),
            Self::Missing(_) => Some(Code::SchemaMissing.fix().into()),
            Self::Schema(error) => error.remedy(),
        }
    }
}
