//! What people are told, in the form of the alerts that quotas have too.

use smbgw_core::alert::{Facts, Kind, Measure, Reading};

use super::look::Look;
use super::trouble::Trouble;

/// So many troubles of one kind are named in a message.
const NAMED: usize = 8;

/// What `look` means for the alerts of this machine: one reading for each kind, in which all troubles of that
/// kind are.
pub fn readings(look: &Look) -> Vec<Reading> {
    let reading = |kind: Kind| {
        let of_kind: Vec<&Trouble> = look
            .believed
            .iter()
            .filter(|one| one.kind == kind)
            .collect();
        let measure = match of_kind.iter().map(|one| one.severity).max() {
            // What could not be looked for is not over for that.
            None if look.unseen.contains(&kind) => Measure::Unknown,
            severity => Measure::Present(severity),
        };
        Reading {
            share: None,
            kind,
            measure,
            facts: facts(&of_kind),
        }
    };
    Kind::OF_CLUSTERS.into_iter().map(reading).collect()
}

fn facts(troubles: &[&Trouble]) -> Facts {
    let mut messages: Vec<String> = troubles
        .iter()
        .take(NAMED)
        .map(|one| one.message.clone())
        .collect();
    let more = troubles.len().saturating_sub(NAMED);
    if more > 0 {
        messages.push(format!("and {more} more"));
    }
    let mut remedies: Vec<&str> = Vec::new();
    for trouble in troubles {
        let remedy = trouble.remedy.trim_end_matches('.');
        if !remedy.is_empty() && !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    remedies.truncate(NAMED);
    Facts {
        summary: messages.join("; "),
        remedy: (!remedies.is_empty()).then(|| remedies.join("; ")),
        ..Facts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use smbgw_core::alert::Severity;
    use std::collections::BTreeSet;

    fn look(believed: Vec<Trouble>, unseen: BTreeSet<Kind>) -> Look {
        Look {
            at_milliseconds: 0,
            status: None,
            probes: Vec::new(),
            tickles: Vec::new(),
            recoveries: Vec::new(),
            troubles: Vec::new(),
            believed,
            unseen,
            events: Vec::new(),
        }
    }

    fn of(readings: &[Reading], kind: Kind) -> &Reading {
        readings
            .iter()
            .find(|reading| reading.kind == kind)
            .unwrap()
    }

    #[test]
    fn every_kind_has_one_reading_with_all_of_it() {
        let node = |name: &str, severity| {
            let message = format!("{name} is unhealthy");
            Trouble::new(
                Kind::ClusterNode,
                name,
                severity,
                message,
                Code::NodeUnhealthy,
            )
        };
        let believed = vec![
            node("n2", Severity::Critical),
            node("n1", Severity::Warning),
        ];
        let unseen = BTreeSet::from([Kind::ClusterService, Kind::ClusterNode]);
        let readings = readings(&look(believed, unseen));
        assert_eq!(readings.len(), Kind::OF_CLUSTERS.len());
        let nodes = of(&readings, Kind::ClusterNode);
        assert_eq!(nodes.measure, Measure::Present(Some(Severity::Critical)));
        assert_eq!(nodes.facts.summary, "n2 is unhealthy; n1 is unhealthy");
        let remedy = nodes.facts.remedy.as_ref().unwrap();
        assert_eq!(remedy.matches("ctdb event status").count(), 1, "{remedy}");
        assert_eq!(
            of(&readings, Kind::ClusterService).measure,
            Measure::Unknown
        );
        assert_eq!(
            of(&readings, Kind::ClusterSplit).measure,
            Measure::Present(None)
        );
    }

    #[test]
    fn a_message_has_a_bounded_length() {
        let believed: Vec<Trouble> = (0..500)
            .map(|last| {
                let subject = format!("10.0.{}.{}", last / 250, last % 250);
                Trouble::new(
                    Kind::ClusterAddress,
                    subject.clone(),
                    Severity::Critical,
                    format!("{subject} is on no node"),
                    Code::AddressNowhere,
                )
            })
            .collect();
        let readings = readings(&look(believed, BTreeSet::new()));
        let summary = &of(&readings, Kind::ClusterAddress).facts.summary;
        assert!(
            summary.ends_with("and 492 more") && summary.len() < 400,
            "{summary}"
        );
    }
}
