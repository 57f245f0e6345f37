//! `template`: the disks that virtual machines start from.

use smbgw_core::deadline::Deadline;
use smbgw_core::progress::{Event, Progress, Silent};
use smbgw_vm::template::{
    BuildDraft, FetchDraft, TemplateError, TemplateStore, build, fetch, try_out, validate,
};

use super::reached;
use crate::args::Common;
use crate::args::template::{Build, Delete, Fetch, Named, Place, Template, Validate};
use crate::ask;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Display;

/// Does what `command` asks for.
pub(super) fn run(common: &Common, output: &Output, command: Template) -> Exit {
    if common.root.is_some() {
        // The programs that work on disks would work on those of the running system.
        let message = "templates are those of a machine that runs: give --store, or --host";
        return output.unusable("root", message);
    }
    match command {
        Template::Build(asked) => made_of_packages(common, output, asked),
        Template::Fetch(asked) => made_of_image(common, output, asked),
        Template::Validate(asked) => looked_over(common, output, &asked),
        Template::List(place) => at(common, output, &place, |store| {
            Ok(output.templates(&store.list()?))
        }),
        Template::Show(Named { name, place }) => at(common, output, &place, |store| {
            Ok(output.template(&store.show(&name)?))
        }),
        Template::Delete(asked) => deleted(common, output, &asked),
    }
}

fn made_of_packages(common: &Common, output: &Output, asked: Build) -> Exit {
    let draft = BuildDraft {
        name: asked.name,
        distro: asked.distro,
        size: asked.size,
        packages: asked.packages,
        tags: asked.tags,
        mirror: asked.mirror,
        security_mirror: asked.security_mirror,
        epoch_seconds: asked.epoch_seconds,
    };
    let request = match draft.check() {
        Ok(request) => request,
        Err(problems) => return output.template_error(&TemplateError::Refused(problems)),
    };
    at(common, output, &asked.place, |store| {
        let progress = progress(common);
        let template = build(store, &request, progress.as_ref(), deadline(common))?;
        Ok(output.template_made(&template))
    })
}

fn made_of_image(common: &Common, output: &Output, asked: Fetch) -> Exit {
    let sha256 = asked.sha256.map(|digits| format!("sha256:{digits}"));
    let sha512 = asked.sha512.map(|digits| format!("sha512:{digits}"));
    let draft = FetchDraft {
        name: asked.name,
        from: asked.from,
        checksum: sha256.or(sha512),
        tags: asked.tags,
    };
    let request = match draft.check() {
        Ok(request) => request,
        Err(problems) => return output.template_error(&TemplateError::Refused(problems)),
    };
    at(common, output, &asked.place, |store| {
        let template = busy(common, "fetch the image", || {
            fetch(store, &request, deadline(common))
        })?;
        Ok(output.template_made(&template))
    })
}

fn looked_over(common: &Common, output: &Output, asked: &Validate) -> Exit {
    let Named { name, place } = &asked.template;
    at(common, output, place, |store| {
        let report = match asked.boot {
            true => busy(common, "look the template over, and start it", || {
                try_out(store, name, deadline(common))
            }),
            false => busy(common, "look the template over", || {
                validate(store, name, deadline(common))
            }),
        };
        Ok(output.template_checked(&report?))
    })
}

fn deleted(common: &Common, output: &Output, asked: &Delete) -> Exit {
    let Named { name, place } = &asked.template;
    at(common, output, place, |store| {
        // Nobody is asked about one that cannot be deleted.
        store.check_deletable(name)?;
        if !asked.yes {
            match ask::consent(&format!("This deletes the template {name} for good.")) {
                Ok(Some(true)) => {}
                Ok(Some(false)) => return Ok(output.unusable("yes", "nothing was deleted")),
                Ok(None) => {
                    return Ok(output.unusable("yes", "nobody is there to ask: give --yes"));
                }
                Err(error) => return Ok(output.unusable("yes", &error.to_string())),
            }
        }
        store.delete(name, deadline(common))?;
        Ok(output.template_deleted(name))
    })
}

/// Has `call` work on the templates where `place` says.
fn at(
    common: &Common,
    output: &Output,
    place: &Place,
    call: impl FnOnce(&TemplateStore<'_>) -> Result<Exit, TemplateError>,
) -> Exit {
    reached(common, output, place.host.as_ref(), |host| {
        let store = TemplateStore::new(host, &place.store);
        call(&store).unwrap_or_else(|error| output.template_error(&error))
    })
}

fn deadline(common: &Common) -> Deadline {
    Deadline::after(common.timeout())
}

/// Shows `title` while `work` is done.
fn busy<T>(common: &Common, title: &str, work: impl FnOnce() -> T) -> T {
    let progress = progress(common);
    progress.event(&Event::StepStarts { index: 0, title });
    work()
}

/// Who is told what happens: a person, and no program.
fn progress(common: &Common) -> Box<dyn Progress> {
    match common.json {
        true => Box::new(Silent),
        false => Box::new(Display::new()),
    }
}
