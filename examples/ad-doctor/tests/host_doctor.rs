//! What the program says on a host of a real domain.

use smbgw_testing::process::run_with;
use smbgw_testing::{Capability, Domain, LightHost, require};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ad-doctor");

fn says(host: &LightHost, arguments: &[&str], password: &str) -> smbgw_testing::Result<String> {
    run_with(host.command(PROGRAM).args(arguments), password.as_bytes())
}

#[test]
fn it_shows_every_check_and_fails_where_one_does() {
    require!(Capability::DomainController);
    let domain = Domain::start().unwrap();
    let host = domain.host("patient").unwrap();
    let whole = [Domain::NAME, "--user", Domain::ADMINISTRATOR];

    let table = says(&host, &whole, Domain::PASSWORD).unwrap();
    for part in [
        "name server answers",
        "dc.ad.test",
        "LDAP sealed by Kerberos",
        "ad.dns-no-reverse (warn)",
        "remedy: Make the reverse zone",
    ] {
        assert!(table.contains(part), "{part}:\n{table}");
    }
    let json = says(&host, &[&whole[..], &["--json"]].concat(), Domain::PASSWORD).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["domain"], Domain::NAME);
    let checks = json["checks"].as_array().unwrap();
    let login = checks.iter().find(|check| check["name"] == "login");
    assert_eq!(login.unwrap()["result"], "ok");
    assert!(!json.to_string().contains(Domain::PASSWORD));

    let wrong = says(&host, &whole, "not it").unwrap_err().to_string();
    assert!(wrong.contains("ad.password-wrong"), "{wrong}");
    let named = says(&host, &["not a domain"], "").unwrap_err().to_string();
    assert!(named.contains("ad-doctor: domain"), "{named}");
}
