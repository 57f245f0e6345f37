//! Where the DNS says that controllers are, and in which order they are to be used (RFC 2782, MS-ADTS
//! 6.3.2.3).

use crate::dns::{Name, Service};
use crate::name::DomainName;

use super::SiteName;

/// The name at which all controllers of a domain are.
pub(super) fn of_domain(domain: &DomainName) -> Option<Name> {
    Name::from(domain).below(["_ldap", "_tcp", "dc", "_msdcs"])
}

/// The name at which the controllers near a site are.
pub(super) fn of_site(domain: &DomainName, site: &SiteName) -> Option<Name> {
    Name::from(domain).below(["_ldap", "_tcp", site.as_str(), "_sites", "dc", "_msdcs"])
}

/// Brings services into the order in which to use them: by priority, and by lot among equal ones,
/// with weights as chances. `random` gives a number below or at what it is given.
pub fn order(mut services: Vec<Service>, mut random: impl FnMut(u32) -> u32) -> Vec<Service> {
    // Those without weight first, so that they have a small chance (RFC 2782).
    services.sort_by_key(|service| (service.priority, service.weight != 0));
    let mut ordered = Vec::with_capacity(services.len());
    while let Some(first) = services.first() {
        let priority = first.priority;
        let among = services.partition_point(|service| service.priority == priority);
        let total: u32 = services[..among]
            .iter()
            .map(|service| u32::from(service.weight))
            .fold(0, u32::saturating_add);
        let lot = random(total).min(total);
        let mut sum = 0_u32;
        let chosen = services[..among]
            .iter()
            .position(|service| {
                sum = sum.saturating_add(u32::from(service.weight));
                sum >= lot
            })
            .unwrap_or(0);
        ordered.push(services.remove(chosen));
    }
    ordered
}

/// A number from the system's source, at most `most`.
pub(super) fn random(most: u32) -> u32 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        // Of 64 bits, so that the rest favours nobody noticeably.
        Ok(()) => (u64::from_ne_bytes(bytes) % (u64::from(most) + 1)) as u32,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(host: &str, priority: u16, weight: u16) -> Service {
        Service {
            priority,
            weight,
            port: 389,
            host: host.parse().unwrap(),
        }
    }

    fn hosts(services: &[Service]) -> Vec<&str> {
        services.iter().map(|s| s.host.as_str()).collect()
    }

    #[test]
    fn priority_rules_and_weight_is_a_chance() {
        let all = vec![
            service("late", 10, 65535),
            service("heavy", 0, 100),
            service("none", 0, 0),
            service("light", 0, 1),
        ];
        assert_eq!(
            hosts(&order(all.clone(), |_| 0)),
            ["none", "heavy", "light", "late"]
        );
        assert_eq!(
            hosts(&order(all.clone(), |most| most)),
            ["light", "heavy", "none", "late"]
        );
        let mut first = 0;
        for _ in 0..1000 {
            let ordered = order(all.clone(), random);
            assert_eq!(hosts(&ordered)[3], "late");
            first += usize::from(hosts(&ordered)[0] == "heavy");
        }
        // 100 chances of 102: fewer than 900 of 1000 do not happen.
        assert!(first > 900, "{first}");
    }

    #[test]
    fn names_have_the_form_of_active_directory() {
        let domain: DomainName = "ad.test".parse().unwrap();
        assert_eq!(
            of_domain(&domain).unwrap().to_string(),
            "_ldap._tcp.dc._msdcs.ad.test"
        );
        assert_eq!(
            of_site(&domain, &"Berlin".parse().unwrap())
                .unwrap()
                .to_string(),
            "_ldap._tcp.berlin._sites.dc._msdcs.ad.test"
        );
    }
}
