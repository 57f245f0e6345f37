//! What there is to say of templates.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment};
use serde::Serialize;
use smbgw_core::error::Coded;
use smbgw_core::size::ByteSize;
use smbgw_vm::template::{Template, TemplateError, TemplateName, TemplateReport, TemplateSource};

use super::{Output, table};
use crate::exit::Exit;
use crate::moment;

/// That a template is gone.
#[derive(Serialize)]
struct Deleted<'a> {
    outcome: &'static str,
    name: &'a TemplateName,
}

impl Output {
    /// Something with templates that could not be done.
    pub(crate) fn template_error(&self, error: &TemplateError) -> Exit {
        self.refused(error.kind(), error.into())
    }

    /// A template that is new.
    pub(crate) fn template_made(&self, template: &Template) -> Exit {
        self.shown(template, |template| {
            let (name, folder) = (&template.record.name, template.folder.display());
            format!("The template {name} is in {folder}.\n")
        })
    }

    /// All templates.
    pub(crate) fn templates(&self, templates: &[Template]) -> Exit {
        self.shown(&templates, |templates| list_text(templates))
    }

    /// What is known of one template.
    pub(crate) fn template(&self, template: &Template) -> Exit {
        self.shown(template, template_text)
    }

    /// What was found out about a template.
    pub(crate) fn template_checked(&self, report: &TemplateReport) -> Exit {
        let exit = self.shown(report, TemplateReport::text);
        match report.is_usable() {
            true => exit,
            false => Exit::NeedsAttention,
        }
    }

    /// That a template is gone.
    pub(crate) fn template_deleted(&self, name: &TemplateName) -> Exit {
        let outcome = "done";
        self.shown(&Deleted { outcome, name }, |deleted| {
            format!("The template {} is gone.\n", deleted.name)
        })
    }
}

fn list_text(templates: &[Template]) -> String {
    if templates.is_empty() {
        return "There are no templates.\n".into();
    }
    let mut table = table(&["NAME", "OF", "SIZE", "MADE", "TAGS", "USED BY"]);
    for Template { record, users, .. } in templates {
        let of = match &record.source {
            TemplateSource::Built { distro, .. } => distro.as_str(),
            TemplateSource::Fetched { .. } => "image",
        };
        let size = ByteSize::from_bytes(record.size_bytes).to_string();
        table.add_row(vec![
            Cell::new(&record.name),
            Cell::new(of),
            Cell::new(size).set_alignment(CellAlignment::Right),
            Cell::new(moment::shown(record.made_at_seconds)),
            Cell::new(record.tags.join(" ")),
            Cell::new(users.join(" ")),
        ]);
    }
    format!("{table}\n")
}

fn template_text(template: &Template) -> String {
    let Template {
        folder,
        record,
        users,
    } = template;
    let mut text = format!("Template {}\n", record.name);
    let _ = writeln!(text, "  folder      {}", folder.display());
    let size = ByteSize::from_bytes(record.size_bytes);
    let _ = writeln!(text, "  disk        {size}, {}", record.format);
    let _ = writeln!(
        text,
        "  made        {}",
        moment::shown(record.made_at_seconds)
    );
    match &record.source {
        TemplateSource::Built {
            distro,
            packages,
            mirror,
            inputs_sha256,
        } => {
            let _ = writeln!(text, "  of          {distro}, from {mirror}");
            if !packages.is_empty() {
                let _ = writeln!(
                    text,
                    "  packages    {} and the usual ones",
                    packages.join(" ")
                );
            }
            let _ = writeln!(text, "  inputs      {inputs_sha256}");
        }
        TemplateSource::Fetched { from, checksum } => {
            let _ = writeln!(text, "  of          {from}");
            let _ = writeln!(text, "  known by    {checksum}");
        }
    }
    let _ = writeln!(text, "  checksum    sha256:{}", record.disk_sha256);
    if !record.tags.is_empty() {
        let _ = writeln!(text, "  tags        {}", record.tags.join(" "));
    }
    let users = match users.is_empty() {
        true => "nobody".into(),
        false => users.join(", "),
    };
    let _ = writeln!(text, "  used by     {users}");
    text
}
