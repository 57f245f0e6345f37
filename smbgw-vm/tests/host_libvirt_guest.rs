//! Guests of a real libvirt made, used and taken away; what goes wrong on the way leaves nothing.

#![allow(clippy::print_stdout, reason = "a test that fails shows what it did")]

mod libvirt_lab;
#[allow(dead_code, reason = "others need the disk itself")]
mod template_cache;

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use libvirt_lab::{ADDRESS, Lab, PASSWORD, of, soon};
use smbgw_core::error::Coded;
use smbgw_core::host::Host;
use smbgw_core::lifecycle::Finding;
use smbgw_core::progress::{Event, Progress, Silent};
use smbgw_core::size::ByteSize;
use smbgw_core::step::LeftBehind;
use smbgw_core::testing::Fault::{self, FailAfter, FailBefore};
use smbgw_core::testing::{Faults, FaultyHost, KillAt};
use smbgw_testing::{Capability, require, wait_until};
use smbgw_vm::domain_xml::{Boot, NetworkSource};
use smbgw_vm::provisioning::libvirt::{
    DataRequest, GuestRequest, problems, provision, remove_unused_templates,
};
use smbgw_vm::provisioning::{
    GuestState, Outcome, Provisioned, Provisioning, ProvisioningError, Stop, Waits, list, recover,
    remove, resize, restart, start, status, stop,
};
use smbgw_vm::proxmox::RunState;

fn done(outcome: Result<Outcome, ProvisioningError>) -> Provisioned {
    match outcome {
        Ok(Outcome::Done(done)) => done,
        other => panic!("{other:#?}"),
    }
}

/// Why it was undone.
fn undone(outcome: Result<Outcome, ProvisioningError>) -> Finding {
    match outcome {
        Ok(Outcome::RolledBack { cause }) => cause,
        other => panic!("{other:#?}"),
    }
}

#[test]
fn a_guest_of_libvirt_lives_from_provisioning_to_removal() {
    require!(Capability::Root, Capability::Samba, Capability::Libvirt);
    let lab = Lab::start();
    let world = lab.world();
    let before = lab.things();
    assert_eq!(problems(&world, &lab.request()).unwrap(), []);
    let made = done(provision(&world, &lab.request()));
    for step in &made.steps {
        println!("{}", step.title);
    }
    assert_eq!(made.steps.len(), 15);
    assert_eq!((made.vmid, made.address), (None, Some(of(ADDRESS))));
    let report = status(&world, &of("VAULT")).unwrap();
    assert_eq!(report.state, Some(RunState::Running));
    assert!(report.agent_answers && report.smb_answers, "{report:?}");
    assert_eq!(
        (report.findings.as_slice(), report.record.state),
        (&[][..], GuestState::Ready)
    );
    assert_eq!(list(&world).unwrap(), [report.record]);
    let again = provision(&world, &lab.request()).unwrap_err();
    assert!(again.to_string().contains("was made here"), "{again}");

    // The password is in nothing that stays on the machine of libvirt.
    let words = [
        "-rlF",
        PASSWORD,
        "/var/lib/smbgw",
        "/etc/libvirt",
        "/run/libvirt",
    ];
    let grep = smbgw_core::host::Command::new("grep")
        .args(words)
        .args(["/var/log/libvirt", "/srv/vm/pool"])
        .accept(&[0, 1, 2]);
    assert_eq!(lab.host.run(&grep, soon()).unwrap().text(), "");

    // It serves what is on its disk for data, as much as the quota says.
    let put = "put /etc/hostname a; ls";
    let said = lab.smbclient(ADDRESS, put);
    assert!(said.contains("65536 blocks of size 1024"), "{said}");
    let mounted = lab.inside(&["/bin/cat", "/proc/mounts"]);
    let is_data = |line: &str| line.contains(" /srv/smbgw ext4 ") && line.contains("prjquota");
    assert!(mounted.lines().any(is_data), "{mounted}");

    // It goes on serving when it has started again.
    let boot = lab.inside(&["/bin/cat", "/proc/sys/kernel/random/boot_id"]);
    done(restart(&world, &of("vault"), Stop::default()));
    assert_ne!(
        lab.inside(&["/bin/cat", "/proc/sys/kernel/random/boot_id"]),
        boot
    );
    assert!(lab.smbclient(ADDRESS, "get a -").contains("vmhost"));

    // Another one is a copy of the template.
    let second = GuestRequest {
        name: of("second"),
        address: of("192.0.2.11/24"),
        linked: false,
        data: None,
        share: None,
        users: vec![],
        starts_with_host: false,
        ..lab.request()
    };
    let made = done(provision(&world, &second));
    assert_eq!(made.steps.len(), 9);
    done(remove(&world, &of("second")));
    assert_eq!(
        remove_unused_templates(&world).unwrap(),
        [],
        "vault has its disk over it"
    );

    let vault = of("vault");
    let error = resize(&world, &vault, ByteSize::from_mib(50), false).unwrap_err();
    assert!(error.to_string().contains("of libvirt"), "{error}");
    // It ends by itself where its init heeds the agent, and by force otherwise.
    let mut hasty = world.clone();
    hasty.waits.switch = Duration::from_secs(20);
    done(stop(&hasty, &vault, Stop { forced: true }));
    assert_eq!(
        status(&world, &vault).unwrap().state,
        Some(RunState::Stopped)
    );
    done(start(&world, &vault));
    done(remove(&world, &of("vault")));
    let error = remove(&world, &of("vault")).unwrap_err();
    assert_eq!(error.code(), "vm.guest-unknown");
    // What stays is the template, until it is not wanted either.
    assert_eq!(lab.things().len(), before.len() + 2);
    assert_eq!(remove_unused_templates(&world).unwrap().len(), 1);
    assert_eq!(lab.things(), before);
    assert_eq!(recover(&world).unwrap(), []);
}

#[test]
fn all_that_libvirt_lacks_is_told_before_anything_is_touched() {
    require!(Capability::Root, Capability::Samba, Capability::Libvirt);
    let lab = Lab::start();
    let world = lab.world();
    let before = lab.things();
    let wrong = GuestRequest {
        memory_mib: 64,
        cores: 0,
        template: of("other"),
        pool: of("nowhere"),
        network: NetworkSource::Bridge("no-bridge".into()),
        users: vec![of("alice"), of("bob"), of("root")],
        data: Some(DataRequest {
            pool: of("pool"),
            size: ByteSize::from_mib(1),
            ..lab.request().data.unwrap()
        }),
        share: None,
        ..lab.request()
    };
    let Err(ProvisioningError::Refused(all)) = provision(&world, &wrong) else {
        panic!("it was begun");
    };
    let found: Vec<_> = all
        .iter()
        .map(|one| (one.field.as_str(), one.code.as_str()))
        .collect();
    let expected = [
        ("vm-memory", "vm.memory-invalid"),
        ("data-size", "vm.guest-request-invalid"),
        ("users", "vm.guest-request-invalid"),
        ("users", "vm.password-missing"),
        ("users", "vm.password-missing"),
        ("vm-template", "vm.template-not-found"),
        ("vcpus", "vm.domain-spec-invalid"),
        ("storage", "vm.libvirt-missing"),
        ("network", "vm.libvirt-missing"),
    ];
    assert_eq!(found, expected, "{all:#?}");
    let large = GuestRequest {
        memory_mib: 1 << 30,
        data: Some(DataRequest {
            size: ByteSize::from_mib(1 << 30),
            ..lab.request().data.unwrap()
        }),
        ..lab.request()
    };
    let found = problems(&world, &large).unwrap();
    let codes: Vec<_> = found.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["vm.libvirt-no-space", "vm.libvirt-no-space"]);
    assert_eq!(lab.things(), before);
}

/// Calls that go wrong before anything is touched: those with these words in them, of them the one with this number.
const LOOKS: [(&str, usize); 7] = [
    ("list --all", 1),
    ("nodememstats", 1),
    ("pool-info", 1),
    ("pool-refresh", 1),
    ("vol-dumpxml", 2),
    ("net-info", 1),
    ("capabilities", 1),
];

/// Calls that go wrong where the template has to be brought. What is done with its answer lost is done all the same.
const BRINGING: [(&str, usize, Fault); 4] = [
    ("vol-create", 1, FailBefore),
    ("vol-create", 1, FailAfter),
    ("vol-upload", 1, FailBefore),
    ("vol-upload", 1, FailAfter),
];

/// Calls that go wrong where the template is there.
const MAKING: [(&str, usize, Fault); 15] = [
    ("vol-create", 1, FailBefore),
    ("vol-create", 1, FailAfter),
    ("vol-create", 2, FailBefore),
    ("vol-create", 2, FailAfter),
    ("vol-create", 3, FailBefore),
    ("vol-upload", 1, FailBefore),
    ("vol-upload", 1, FailAfter),
    ("define", 1, FailBefore),
    ("define", 1, FailAfter),
    ("autostart", 1, FailBefore),
    ("autostart", 1, FailAfter),
    ("start --domain", 1, FailBefore),
    ("start --domain", 1, FailAfter),
    ("qemu-agent-command", 1, FailBefore),
    // The first that waits for a guest to boot: a password is handed over, and nobody knows.
    ("VIRSH_HISTSIZE", 1, FailAfter),
];

#[test]
fn a_call_of_virsh_that_fails_leaves_nothing() {
    require!(Capability::Root, Capability::Samba, Capability::Libvirt);
    let lab = Lab::start();
    let before = lab.things();
    for (text, nth) in LOOKS {
        let faults = Faults::at(nth, FailBefore).naming(text);
        let host = FaultyHost::new(&lab.host, &faults);
        let error = provision(&lab.world_with(&host, &Silent), &lab.request()).unwrap_err();
        assert!(
            !matches!(error, ProvisioningError::Refused(_)),
            "{text}: {error}"
        );
        assert!(faults.hit().is_some(), "{text} was never called");
        assert_eq!(lab.things(), before, "{text}");
    }
    for fault in BRINGING {
        fails(&lab, fault, &before);
    }
    // A guest whose console is all that there is of it.
    let mute = GuestRequest {
        boot: match lab.request().boot {
            Boot::Kernel { kernel, .. } => Boot::Kernel {
                kernel,
                initrd: None,
                command_line: "console=ttyS0 earlyprintk=serial,ttyS0".into(),
            },
            other => other,
        },
        ..lab.request()
    };
    let waits = Waits {
        agent: Duration::from_secs(5),
        ..Waits::default()
    };
    let world = Provisioning {
        waits,
        ..lab.world()
    };
    let cause = undone(provision(&world, &mute));
    assert_eq!(cause.code, "vm.guest-silent", "{cause:?}");
    assert!(
        cause.message.contains("the end of its console:\n"),
        "{cause:?}"
    );
    assert_eq!(lab.things(), before);

    lab.keep_template();
    let before = lab.things();
    for fault in MAKING {
        fails(&lab, fault, &before);
    }
    // Somebody else is faster with its name.
    let thief = Thief(&lab);
    let cause = undone(provision(
        &lab.world_with(&lab.host, &thief),
        &lab.request(),
    ));
    assert_eq!(cause.code, "vm.libvirt-exists", "{cause:?}");
    let mut with_theirs = before;
    with_theirs.push("vault".into());
    with_theirs.sort();
    assert_eq!(lab.things(), with_theirs);
}

/// Looks that nothing is left where a call goes wrong.
fn fails(lab: &Lab, (text, nth, fault): (&str, usize, Fault), before: &[String]) {
    let what = format!("{text} {nth}: {fault:?}");
    println!("{what}");
    let faults = Faults::at(nth, fault).naming(text);
    let host = FaultyHost::new(&lab.host, &faults);
    let cause = undone(provision(&lab.world_with(&host, &Silent), &lab.request()));
    assert!(
        cause.message.contains("a fault made for a test"),
        "{what}: {cause:?}"
    );
    assert!(faults.hit().is_some(), "{what} was never called");
    assert_eq!(lab.things(), before, "{what}");
}

/// Makes a virtual machine of the same name right before ours is made.
struct Thief<'a>(&'a Lab);

impl Progress for Thief<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::StepStarts { title, .. } = event
            && *title == "make the virtual machine vault"
        {
            let xml = "<domain type='qemu'><name>vault</name><memory>1024</memory><os><type>hvm</type></os></domain>";
            self.0.virsh().define(xml).unwrap();
        }
    }
}

#[test]
fn provisioning_on_libvirt_survives_kills_at_every_step() {
    let test = "provisioning_on_libvirt_survives_kills_at_every_step";
    if let Ok(victim) = std::env::var(VICTIM) {
        let (number, lab) = victim.split_once('\n').unwrap();
        let lab = Lab::of_another(lab);
        let kill = KillAt::new(number.parse().unwrap());
        done(provision(&lab.world_with(&lab.host, &kill), &lab.request()));
        return;
    }
    require!(Capability::Root, Capability::Samba, Capability::Libvirt);
    let lab = Lab::start();
    let world = lab.world();
    let before = lab.things();
    let undone_after = |what: &str, before: &[String]| {
        println!("killed {what}");
        let recovered = recover(&world).unwrap();
        assert!(
            matches!(&recovered[..], [one] if matches!(one.outcome, Outcome::RolledBack { .. })),
            "{what}: {recovered:#?}"
        );
        assert_eq!(lab.things(), before, "{what}");
        assert_eq!(recover(&world).unwrap(), [], "{what}");
    };
    // While the template is brought: before, within, and after that.
    for number in [4, 5] {
        assert!(is_killed(test, &lab, number));
        undone_after(
            &format!("at event {number}, bringing the template"),
            &before,
        );
    }
    kill_within_upload(test, &lab);
    undone_after("within the upload of the template", &before);

    lab.keep_template();
    let before = lab.things();
    let mut number = 1;
    while is_killed(test, &lab, number) {
        match number {
            // Nothing was begun, or all of it was over.
            1 => {
                assert!(recover(&world).unwrap().len() <= 1);
                assert_eq!(lab.things(), before);
            }
            STARTED => {
                cannot_undo(&lab);
                undone_after("at the start, and undoing failed once", &before);
            }
            _ => undone_after(&format!("at event {number}"), &before),
        }
        // From then on a guest has to boot, and undoing is the same for all steps: one of them is enough.
        number += if number < STARTED { 1 } else { 8 };
    }
    assert!(number > STARTED + 12, "it was hardly killed: {number}");

    // A removal is finished, not undone.
    let faults = Faults::at(1, FailBefore).naming("vol-delete");
    let host = FaultyHost::new(&lab.host, &faults);
    let outcome = remove(&lab.world_with(&host, &Silent), &of("vault")).unwrap();
    let Outcome::NeedsAttention { left_behind, .. } = outcome else {
        panic!("{outcome:#?}");
    };
    let names_volume =
        |left: &LeftBehind| left.commands[0].starts_with("virsh vol-delete --pool pool vault-");
    assert!(left_behind.iter().any(names_volume), "{left_behind:?}");
    let recovered = recover(&world).unwrap();
    assert!(recovered[0].outcome.is_done(), "{recovered:#?}");
    assert_eq!(lab.things(), before);

    // One that lost its mark is not ours any more.
    lab.take_mark_from("keeper");
    let error = remove(&world, &of("keeper")).unwrap_err();
    assert_eq!(error.code(), "vm.libvirt-not-ours");
    let report = status(&world, &of("keeper")).unwrap();
    assert_eq!(report.findings[0].code, "vm.libvirt-not-ours");
    assert_eq!(lab.things(), before);
}

/// The event at which the guest has been started.
const STARTED: usize = 15;

/// Recovers where the virtual machine cannot be taken away.
fn cannot_undo(lab: &Lab) {
    let faults = Faults::at(1, FailBefore).naming("undefine");
    let host = FaultyHost::new(&lab.host, &faults);
    let recovered = recover(&lab.world_with(&host, &Silent)).unwrap();
    let Outcome::NeedsAttention { cause, left_behind } = &recovered[0].outcome else {
        panic!("{recovered:#?}");
    };
    assert!(
        cause
            .message
            .contains("undoing `make the virtual machine vault` failed too"),
        "{cause:?}"
    );
    let ours = lab.virsh().domain(&of("vault")).unwrap().mark.unwrap();
    let is_it = |left: &LeftBehind| left.what.contains("`vault`") && left.what.contains(&ours.run);
    assert!(left_behind.iter().any(is_it), "{left_behind:?}");
}

/// Kills provisioning while the volume of the template is written.
fn kill_within_upload(test: &str, lab: &Lab) {
    let mut victim = victim(test, lab, usize::MAX).spawn().unwrap();
    let pool = lab.libvirt.as_ref().unwrap().path("/srv/vm/pool");
    wait_until(Duration::from_secs(60), "half a template", || {
        let files = std::fs::read_dir(&pool).unwrap().flatten();
        let mut written = files.filter_map(|file| file.metadata().ok());
        written.any(|file| file.blocks() > 40_000).then_some(())
    })
    .unwrap();
    victim.kill().unwrap();
    let status = victim.wait().unwrap();
    assert_eq!(status.signal(), Some(9), "it was faster");
}

/// The event to be killed at, and the libvirt.
const VICTIM: &str = "SMBGW_LIBVIRT_VICTIM";

/// This program, about to run `test` once more as a process that is killed at the event of that number.
fn victim(test: &str, lab: &Lab, number: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(VICTIM, format!("{number}\n{}", lab.handle()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Whether provisioning was killed at the event of that number; else it was done.
fn is_killed(test: &str, lab: &Lab, number: usize) -> bool {
    let output = victim(test, lab, number).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let killed = output.status.signal() == Some(9);
    assert!(
        killed || output.status.success() && said.contains("1 passed"),
        "{number}: {}: {said}",
        output.status
    );
    killed
}
