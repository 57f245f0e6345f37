//! What is believed of ctdb's settings is what the installed ctdbd says.

use smbgw_ctdb::objective::{Objective, Tunables};
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Capability, Cluster, require};

#[test]
fn ctdb_has_these_settings_and_takes_ours() {
    require!(Capability::Ctdb);
    let settings = Settings {
        file_server: false,
        ..Settings::stock()
    };
    let cluster = Cluster::start(1, settings).unwrap();
    let node = cluster.node(0);
    let listed = node.ctdb(&["listvars"]).unwrap();
    // Names that ctdb does not list would be taken for its own settings, so each is looked for.
    for (name, value) in Tunables::STOCK.pairs() {
        let line = listed
            .lines()
            .find(|line| line.split('=').next().map(str::trim) == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name} is not in\n{listed}"));
        assert_eq!(
            line.split('=').nth(1).unwrap().trim(),
            value.to_string(),
            "{name}"
        );
    }
    assert_eq!(Tunables::read(&listed, None).unwrap(), Tunables::STOCK);

    let ours = Objective::SMALLEST.tunables();
    for (name, value) in ours.pairs() {
        node.ctdb(&["setvar", name, &value.to_string()]).unwrap();
    }
    let listed = node.ctdb(&["listvars"]).unwrap();
    assert_eq!(
        Tunables::read(&listed, Some(ours.leader_timeout)).unwrap(),
        ours
    );
    cluster.wait_until_healthy().unwrap();
}
