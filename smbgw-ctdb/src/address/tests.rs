//! Addresses that are given, and those that cannot be.

use proptest::prelude::*;
use smbgw_core::error::Coded;

use super::*;

fn surroundings() -> Surroundings {
    let interface = |name: &str, networks: &[&str]| Interface {
        name: name.parse().unwrap(),
        networks: networks
            .iter()
            .map(|network| network.parse().unwrap())
            .collect(),
    };
    Surroundings {
        interfaces: vec![
            interface("eth0", &["10.0.0.0/24", "fd00:7::/64"]),
            interface("eth1", &[]),
        ],
        nodes: vec!["10.0.0.11".parse().unwrap(), "fd00:7::b".parse().unwrap()],
        dhcp: vec!["10.0.0.200-10.0.0.250".parse().unwrap()],
    }
}

/// The codes of all that speaks against an address.
fn codes(text: &str) -> Vec<&'static str> {
    match text.parse() {
        Ok(address) => {
            let problems = surroundings().check(&address);
            problems.iter().map(Coded::code).collect()
        }
        Err(error) => vec![error.code()],
    }
}

#[test]
fn an_address_is_as_it_is_written() {
    for text in [
        "10.0.0.100/24%eth0",
        "10.0.0.100/24",
        "fd00:7::64/64%eth0",
        "10.0.0.0/31",
    ] {
        let address: VirtualAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), text);
    }
    let pool: Pool = "10.0.0.100-10.0.0.120/24%eth0".parse().unwrap();
    assert_eq!(pool.to_string(), "10.0.0.100-10.0.0.120/24%eth0");
    assert_eq!(pool.range().addresses().count(), 21);
}

#[test]
fn what_is_no_address_is_told_apart() {
    for (text, code) in [
        ("10.0.0.100", "ha.address-malformed"),
        ("10.0.0.100/", "ha.address-malformed"),
        ("10.0.0.100/+24", "ha.address-malformed"),
        ("10.0.0.100/33", "ha.address-malformed"),
        ("10.0.0.100/0", "ha.address-malformed"),
        ("10.0.0.100/24%", "ha.interface-malformed"),
        ("10.0.0.100/24%a/b", "ha.interface-malformed"),
        ("10.0.0.100/24%of15_characters", "ha.no-interface"),
        ("10.0.0.100/24%of_16_characters", "ha.interface-malformed"),
        ("10.0.0.0/24", "ha.address-not-of-a-host"),
        ("10.0.0.255/24", "ha.address-not-of-a-host"),
        ("127.0.0.1/8", "ha.address-not-of-a-host"),
        ("169.254.7.7/16", "ha.address-not-of-a-host"),
        ("224.0.0.1/24", "ha.address-not-of-a-host"),
        ("255.255.255.255/32", "ha.address-not-of-a-host"),
        ("fd00:7::/64", "ha.address-not-of-a-host"),
        ("fe80::1/64", "ha.address-not-of-a-host"),
        ("ff02::1/64", "ha.address-not-of-a-host"),
        ("::ffff:10.0.0.100/120", "ha.address-not-of-a-host"),
    ] {
        assert_eq!(codes(text), [code], "{text}");
    }
}

#[test]
fn an_address_fits_to_the_networks() {
    for good in [
        "10.0.0.100/24%eth0",
        "10.0.0.100/24",
        "fd00:7::64/64%eth0",
        // Nothing is known of the networks of that one.
        "172.16.0.9/16%eth1",
    ] {
        assert_eq!(codes(good), [""; 0], "{good}");
    }
    for (text, code) in [
        ("10.0.0.100/24%eth7", "ha.no-interface"),
        ("10.0.1.100/24%eth0", "ha.address-outside-network"),
        ("10.0.1.100/24", "ha.address-outside-network"),
        ("10.0.0.100/16%eth0", "ha.address-other-prefix"),
        ("10.0.0.11/24%eth0", "ha.address-of-a-node"),
        ("fd00:7::b/64%eth0", "ha.address-of-a-node"),
        ("10.0.0.200/24%eth0", "ha.address-in-dhcp-range"),
        ("10.0.0.250/24%eth0", "ha.address-in-dhcp-range"),
    ] {
        assert_eq!(codes(text), [code], "{text}");
    }
    assert_eq!(codes("10.0.0.251/24%eth0"), [""; 0]);
}

#[test]
fn all_problems_come_together_and_tell_what_to_do() {
    let all = ["10.0.1.5/24%eth0", "10.0.0.11/16%eth0", "10.0.1.5/24"];
    let all = all.map(|text| text.parse().unwrap());
    let problems = surroundings().check_all(&all);
    let codes: Vec<_> = problems.iter().map(Coded::code).collect();
    assert_eq!(
        codes,
        [
            "ha.address-outside-network",
            "ha.address-other-prefix",
            "ha.address-of-a-node",
            "ha.address-twice"
        ]
    );
    assert_eq!(
        problems[1].to_string(),
        "10.0.0.11 is given with /16, but eth0 is in 10.0.0.0/24"
    );
    assert_eq!(problems[1].remedy().unwrap(), "give it with /24");
    assert!(problems.iter().all(|problem| problem.remedy().is_some()));
}

#[test]
fn a_pool_gives_the_lowest_address_that_can_be_used() {
    let pool: Pool = "10.0.0.0-10.0.0.13/24%eth0".parse().unwrap();
    let picked = pool.pick(&[], &surroundings()).unwrap();
    assert_eq!(picked.to_string(), "10.0.0.1/24%eth0");
    let taken: Vec<_> = pool.range().addresses().take(11).collect();
    let picked = pool.pick(&taken, &surroundings()).unwrap();
    assert_eq!(
        picked.to_string(),
        "10.0.0.12/24%eth0",
        "10.0.0.11 is a node's"
    );
    let taken: Vec<_> = pool.range().addresses().collect();
    let error = pool.pick(&taken, &surroundings()).unwrap_err();
    assert_eq!(error.code(), "ha.pool-exhausted");
    let elsewhere: Pool = "10.9.0.1-10.9.0.2/24%eth0".parse().unwrap();
    let error = elsewhere.pick(&[], &surroundings()).unwrap_err();
    assert_eq!(error.code(), "ha.address-outside-network");
}

#[test]
fn a_pool_has_its_ends_in_order_and_in_one_network() {
    for text in [
        "10.0.0.9-10.0.0.8/24",
        "10.0.0.9-10.0.1.8/24",
        "10.0.0.9-fd00::1/24",
    ] {
        assert_eq!(
            text.parse::<Pool>().unwrap_err().code(),
            "ha.pool-malformed",
            "{text}"
        );
    }
    for text in ["10.0.0.9/24", "10.0.0.8-10.0.0.9", "10.0.0.8-10.0.0.9/99"] {
        let error = text.parse::<Pool>().unwrap_err();
        assert_eq!(error.code(), "ha.address-malformed", "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_an_address_or_an_error(text in "[0-9a-f.:/%-]{0,30}") {
        if let Ok(address) = text.parse::<VirtualAddress>() {
            prop_assert!(address.network().contains(address.address()));
            prop_assert_eq!(address.to_string().parse::<VirtualAddress>(), Ok(address));
        }
        let _ = text.parse::<Pool>();
    }

    #[test]
    fn a_network_has_its_first_and_last_address(bits in any::<u128>(), prefix in 1_u8..=128, v4: bool) {
        let address = match v4 {
            true => std::net::Ipv4Addr::from_bits(bits as u32).into(),
            false => std::net::IpAddr::from(std::net::Ipv6Addr::from_bits(bits)),
        };
        let Some(network) = Subnet::of(address, prefix) else {
            prop_assert!(v4 && prefix > 32);
            return Ok(());
        };
        prop_assert!(network.first() <= address && address <= network.last());
        prop_assert!(network.contains(network.first()) && network.contains(network.last()));
        prop_assert_eq!(network.to_string().parse::<Subnet>(), Ok(network));
    }
}
