//! No node is taken for a lost one because all have too much to do.
//!
//! `SMBGW_SOAK_SECONDS` says for how long that is tried: 60 if not set.

mod drill;

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use smbgw_ctdb::objective::Objective;
use smbgw_ctdb::smb::{Client, Opening};
use smbgw_testing::{Capability, require};

use drill::{Field, login, settings};

#[test]
fn busy_nodes_are_not_taken_for_lost_ones() {
    require!(Capability::Ctdb, Capability::Samba);
    let field = Field::start(3, settings(&Objective::SMALLEST.tunables()));
    // Addresses are spread once more when the last node is healthy.
    let before = settled(&field);
    let length = std::env::var("SMBGW_SOAK_SECONDS").map_or(60, |text| text.parse().unwrap());
    let processors = std::thread::available_parallelism().unwrap().get();
    let mut burners = Vec::new();
    for node in field.cluster.nodes() {
        // Every node alone would keep the machine busy.
        for _ in 0..processors {
            let burner = node
                .command("timeout")
                .arg(length.to_string())
                .args(["perl", "-e", "1 while 1"])
                .stdin(Stdio::null())
                .spawn()
                .unwrap();
            burners.push(burner);
        }
    }
    let end = Instant::now() + Duration::from_secs(length);
    let is_over = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let client = scope.spawn(|| field.client.on_its_network(|| write(&field, &is_over)));
        while Instant::now() < end {
            if let Ok(status) = field.cluster.status() {
                assert_eq!(status, before.0, "{}", field.cluster.logs());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        is_over.store(true, Ordering::Relaxed);
        client.join().unwrap()
    });
    for mut burner in burners {
        burner.wait().unwrap();
    }
    assert!(written > 0);
    field.cluster.wait_until_healthy().unwrap();
    assert_eq!(settled(&field), before, "{}", field.cluster.logs());
}

/// How the cluster stands, and the number of its last recovery, when neither changes any more.
fn settled(field: &Field) -> (smbgw_testing::cluster::Status, String) {
    let look = || {
        let text = field.cluster.node(0).ctdb(&["status"]).unwrap();
        let line = text.lines().find(|line| line.starts_with("Generation:"));
        let generation = line.expect("a generation").to_owned();
        (field.cluster.status().unwrap(), generation)
    };
    let mut last = look();
    let mut same = 0;
    while same < 10 {
        std::thread::sleep(Duration::from_millis(500));
        let now = look();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

/// Writes until it is over, in one connection that must not be lost, and says how often.
fn write(field: &Field, is_over: &AtomicBool) -> u64 {
    let time = Duration::from_secs(60);
    let address = field.cluster.addresses()[0];
    let mut client = Client::connect(address, "data", &login(), time, time).unwrap();
    let file = client.open("busy", Opening::AnyFile).unwrap();
    let mut written = 0;
    while !is_over.load(Ordering::Relaxed) {
        client.write(file, 0, &[1; 4096]).unwrap();
        client.flush(file).unwrap();
        written += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    client.close(file).unwrap();
    written
}
