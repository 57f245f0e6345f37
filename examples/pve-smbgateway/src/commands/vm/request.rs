//! What is asked for of a virtual machine, made of the arguments.

use std::fs;
use std::path::PathBuf;

use smbgw_core::error::Problem;
use smbgw_vm::provisioning::{GuestChoice, GuestDraft};

use crate::args::ShareOptions;
use crate::commands::mode;

/// What is asked for, as far as the node has no part in it.
pub(super) fn chosen(name: String, options: &ShareOptions) -> Result<GuestChoice, Vec<Problem>> {
    let mut problems = mode::misfits(options);
    let ssh_keys = keys(&options.vm.ssh_keys, &mut problems);
    let vm = &options.vm;
    let draft = GuestDraft {
        name,
        quota: options.quota.clone(),
        comment: options.comment.clone(),
        users: options.users.clone(),
        vmid: vm.vmid,
        memory_mib: vm.vm_memory,
        balloon_mib: vm.vm_balloon,
        cores: vm.vm_cores,
        template: vm.vm_template.clone(),
        linked: vm.vm_linked,
        storage: vm.vm_storage.clone(),
        data_storage: vm.vm_data_storage.clone(),
        filesystem: vm.vm_filesystem.clone(),
        snippets: vm.vm_snippets.clone(),
        bridge: vm.bridge.clone(),
        vlan: vm.vlan,
        address: vm.ip.clone(),
        name_servers: vm.name_servers.clone(),
        ssh_keys,
        starts_with_node: vm.onboot,
        highly_available: vm.ha,
    };
    match draft.check() {
        Ok(choice) if problems.is_empty() => Ok(choice),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

/// The lines of files with public keys. What could be a private one is not shown.
fn keys(files: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<String> {
    let mut keys = Vec::new();
    for file in files {
        let mut wrong = |message: String| {
            problems.push(Problem::invalid("ssh-key", "cli.unusable", message));
        };
        let shown = file.display();
        match fs::read_to_string(file) {
            Err(error) => wrong(format!("cannot read {shown}: {error}")),
            Ok(text) if text.contains("PRIVATE KEY") => wrong(format!(
                "{shown} is a private key: give the public one, whose name ends with .pub"
            )),
            Ok(text) => {
                let lines = text.lines().map(str::trim);
                let of_keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
                let before = keys.len();
                keys.extend(of_keys.map(str::to_owned));
                if keys.len() == before {
                    wrong(format!("there is no key in {shown}"));
                }
            }
        }
    }
    keys
}
