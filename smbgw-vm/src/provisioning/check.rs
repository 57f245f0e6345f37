//! All that speaks against a request, told before anything is touched.

use std::io;

use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host_label::HostLabel;
use smbgw_core::lifecycle::name_problem;
use smbgw_core::mac::Mac;
use smbgw_core::size::ByteSize;

use super::documents::documents;
use super::error::ProvisioningError;
use super::record::GuestRecord;
use super::request::{GuestRequest, TemplateOrigin};
use super::template_record::NodeTemplate;
use super::world::Provisioning;
use crate::cloudinit::{GuestName, InstanceId, LoginName, Rendered, Schemas, SchemasError};
use crate::code::Code;
use crate::proxmox::{Mark, Storage, StorageId};
use crate::resources::{self, Facts, Origin};
use crate::template::{Template, TemplateName};

/// What is chosen for a guest once, at random.
pub(super) struct Chosen {
    /// The mark that it carries.
    pub(super) mark: Mark,
    /// Which instance it is for cloud-init.
    pub(super) instance: InstanceId,
    /// The address of its network card on the link.
    pub(super) mac: Mac,
}

impl Chosen {
    pub(super) fn new(name: &HostLabel) -> Result<Self, ProvisioningError> {
        let name = GuestName::from(name.clone());
        let random = |error| ProvisioningError::Random(io::Error::other(error));
        Ok(Self {
            mark: Mark::new().map_err(ProvisioningError::Random)?,
            instance: InstanceId::random(&name).map_err(random)?,
            mac: crate::mac::random().map_err(random)?,
        })
    }
}

/// What was seen of a request on its node.
pub(super) struct Looked {
    /// All that speaks against it.
    pub(super) problems: Vec<Problem>,
    /// What an administrator should know.
    pub(super) notes: Vec<String>,
    /// What the guest is told.
    pub(super) texts: Rendered,
    /// How its template comes to its storage, where it is not there yet.
    pub(super) import: Option<Import>,
}

/// A template of the store that has to be brought to a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// Its name in the store.
    pub(super) template: TemplateName,
    /// Whether the storage keeps files.
    pub(super) as_qcow2: bool,
}

/// Looks at the node for what `request` needs.
pub(super) fn look(
    world: &Provisioning<'_>,
    request: &GuestRequest,
    chosen: &Chosen,
) -> Result<Looked, ProvisioningError> {
    let mut problems = request.check();
    let mut notes = Vec::new();
    if GuestRecord::load(world.machine(), &request.name)?.is_some() {
        let message = format!("a virtual machine `{}` was made on this node", request.name);
        problems.push(conflict("name", Code::GuestExists, message));
    }
    problems.extend(passwords_missing(world, &request.users));
    if let Some(share) = &request.share {
        problems.extend(name_problem(world.machine(), &share.name)?);
    }
    let template = template_of(world, request, &mut problems)?;
    let origin = template.origin(request);
    let documents = documents(request, chosen.instance.clone(), chosen.mac);
    let documents = documents.map_err(|error| refused("data", &error))?;
    problems.extend(documents.contradictions());
    let texts = documents.render();
    match template.schemas(world) {
        Ok(schemas) => problems.extend(schemas.iter().flat_map(|schemas| schemas.check(&texts))),
        Err(SchemasError::Missing(_)) => notes.push(
            "the template has no schemas, so that the documents for cloud-init were not held against them"
                .into(),
        ),
        Err(error) => return Err(error.into()),
    }
    let needs = request.needs(origin);
    let facts = Facts::collect(world.node()?, &needs)?;
    problems.extend(resources::check(&needs, &facts, &world.policy));
    let mut storages = facts.storages.iter();
    let storage = storages.find(|storage| storage.id == request.storage);
    let import = template.import(storage);
    if import.is_some() && request.linked {
        problems.extend(storage.and_then(unlinkable));
    }
    notes.extend(notes_of(request, &facts));
    Ok(Looked {
        problems,
        notes,
        texts,
        import,
    })
}

/// The template of a request, as far as it is there.
enum Found {
    /// It is on the node.
    OnNode(crate::vmid::Vmid, Option<Box<Template>>),
    /// It is in the store alone.
    InStore(Box<Template>),
    /// It is nowhere, which was told.
    Nowhere,
}

impl Found {
    /// What the first disk of the guest is made of, as far as room goes.
    fn origin(&self, request: &GuestRequest) -> Origin {
        let template = match self {
            Self::OnNode(template, _) => {
                let (template, kind) = (*template, request.clone_kind());
                return Origin::Template { template, kind };
            }
            Self::InStore(template) => Some(template),
            Self::Nowhere => None,
        };
        let size = template.map_or(0, |template| template.record.size_bytes);
        // A copy comes beside the template.
        let times = if request.linked { 1 } else { 2 };
        let size = ByteSize::from_bytes(size.saturating_mul(times));
        Origin::Image { size }
    }

    fn template(&self) -> Option<&Template> {
        match self {
            Self::OnNode(_, template) => template.as_deref(),
            Self::InStore(template) => Some(template),
            Self::Nowhere => None,
        }
    }

    /// The schemas of its cloud-init. Nothing is known of those of a template that only the node has.
    fn schemas(&self, world: &Provisioning<'_>) -> Result<Option<Schemas>, SchemasError> {
        let read = |template: &Template| Schemas::read(world.machine(), &template.schemas());
        self.template().map(read).transpose()
    }

    fn import(&self, storage: Option<&Storage>) -> Option<Import> {
        let Self::InStore(template) = self else {
            return None;
        };
        Some(Import {
            template: template.record.name.clone(),
            as_qcow2: storage.is_some_and(Storage::keeps_files),
        })
    }
}

fn template_of(
    world: &Provisioning<'_>,
    request: &GuestRequest,
    problems: &mut Vec<Problem>,
) -> Result<Found, ProvisioningError> {
    let name = match &request.template {
        TemplateOrigin::OnNode(vmid) => return Ok(Found::OnNode(*vmid, None)),
        TemplateOrigin::InStore(name) => name,
    };
    let in_store = world.store().show(name);
    let brought = NodeTemplate::load(world.machine(), name, &request.storage)?;
    if let Some(brought) = brought
        && let Some(vmid) = brought.usable(world.node()?)?
    {
        // One that was deleted from the store since can still be used.
        return Ok(Found::OnNode(vmid, in_store.ok().map(Box::new)));
    }
    Ok(match in_store {
        Ok(template) => Found::InStore(Box::new(template)),
        Err(error) => {
            problems.push(Problem::from_error("vm-template", &error));
            Found::Nowhere
        }
    })
}

/// What speaks against linked clones on `storage`.
fn unlinkable(storage: &Storage) -> Option<Problem> {
    let message = format!(
        "the storage `{}` is of type {}, which has no linked clones",
        storage.id, storage.kind
    );
    let code = Code::CloneKindUnfit;
    let problem = Problem::invalid("vm-storage", code.as_str(), message)
        .kind(ErrorKind::Unsupported)
        .remedy(code.fix());
    (!storage.can_link()).then_some(problem)
}

/// What does not speak against a request, and should be known.
fn notes_of(request: &GuestRequest, facts: &Facts) -> Vec<String> {
    if !request.highly_available {
        return Vec::new();
    }
    let data = request.data.as_ref().map(|data| &data.storage);
    let used = [&request.storage, &request.snippets]
        .into_iter()
        .chain(data);
    let is_shared = |id: &StorageId| {
        let mut storages = facts.storages.iter();
        storages.any(|storage| storage.id == *id && storage.is_shared)
    };
    let mut own: Vec<&str> = used
        .filter(|id| !is_shared(id))
        .map(|id| id.as_str())
        .collect();
    own.sort_unstable();
    own.dedup();
    if own.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "other nodes have not the same storage {}: unless it is replicated, high availability cannot start the guest \
         there",
        own.join(", ")
    )]
}

/// Each of `users` that there is no password for.
pub(super) fn passwords_missing(world: &Provisioning<'_>, users: &[LoginName]) -> Vec<Problem> {
    let lacks = |user: &&LoginName| world.passwords.iter().all(|(of, _)| of != *user);
    let lacking = users.iter().filter(lacks).map(|user| {
        let error = ProvisioningError::PasswordMissing(user.clone());
        Problem::from_error("users", &error)
    });
    lacking.collect()
}

/// What somebody else has already.
pub(super) fn conflict(field: &str, code: Code, message: String) -> Problem {
    Problem::invalid(field, code.as_str(), message)
        .kind(ErrorKind::Conflict)
        .remedy(code.fix())
}

/// The error of a request with one problem, beside which others cannot be looked for.
pub(super) fn refused(field: &str, error: &dyn Coded) -> ProvisioningError {
    ProvisioningError::Refused(vec![Problem::from_error(field, error)])
}
