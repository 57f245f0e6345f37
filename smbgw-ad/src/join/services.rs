//! The names of the services of a member.

use crate::join::{Alias, JoinSpec};
use crate::name::{DomainName, Spn};

/// The classes of services that a gateway offers: the file server, and what Windows maps others to.
/// `HOST` stands for many of them (MS-ADTS 3.1.1.3.4.1.12), `RestrictedKrbHost` for all computers.
const CLASSES: [&str; 3] = ["HOST", "RestrictedKrbHost", "cifs"];

/// The services of the member that `spec` describes, by its short name, its full one, and its aliases.
pub(super) fn services(spec: &JoinSpec) -> Vec<Spn> {
    let mut hosts = vec![
        spec.computer.as_str().to_string(),
        spec.host_name.as_str().to_string(),
    ];
    for alias in &spec.aliases {
        hosts.extend(hosts_of(alias, &spec.domain));
    }
    of(&hosts)
}

/// The services of a member that its further name `alias` gives it in `domain`.
pub(crate) fn services_of(alias: &Alias, domain: &DomainName) -> Vec<Spn> {
    of(&hosts_of(alias, domain))
}

fn hosts_of(alias: &Alias, domain: &DomainName) -> Vec<String> {
    let mut hosts = vec![alias.as_str().to_string()];
    // Clients complete a short name with the domain's.
    if let Alias::Short(name) = alias {
        hosts.extend(domain.host(&name.label()).map(|name| name.to_string()));
    }
    hosts
}

fn of(hosts: &[String]) -> Vec<Spn> {
    let mut all: Vec<Spn> = Vec::new();
    for class in CLASSES {
        for host in hosts {
            // A name of a host is one of a service, too.
            if let Ok(spn) = Spn::new(class, host)
                && !all.contains(&spn)
            {
                all.push(spn);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join::JoinDraft;

    #[test]
    fn every_name_has_every_service_once() {
        let draft = JoinDraft {
            domain: "ad.test".into(),
            aliases: vec!["files".into(), "GW.ad.test".into(), "nas.other.test".into()],
            ..JoinDraft::default()
        };
        let all = services(&draft.check("gw").unwrap());
        let texts: Vec<&str> = all.iter().map(Spn::as_str).collect();
        assert_eq!(all.len(), 15, "{texts:?}");
        for one in [
            "HOST/GW",
            "cifs/gw.ad.test",
            "cifs/files.ad.test",
            "HOST/nas.other.test",
        ] {
            assert!(all.contains(&one.parse().unwrap()), "{one}: {texts:?}");
        }
    }
}
