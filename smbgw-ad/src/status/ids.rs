//! The ids that users of domains get.

use std::collections::BTreeMap;
use std::path::Path;

use smbgw_core::host::Host;
use smbgw_core::layout::SMB_CONF;
use smbgw_core::smbconf::globals::{Globals, explicit_globals_following};

use super::found::IdmapRange;
use crate::code::Code;
use crate::join_error::JoinError;
use crate::reason::Reason;
use crate::samba::globals::{IdRange, taken_ids};

/// The ranges that smb.conf sets, and what is wrong with them for members of `netbios`; nothing is where Samba
/// does not serve the domain.
pub(super) fn ranges(
    host: &dyn Host,
    netbios: &str,
    serves: bool,
) -> Result<(Vec<IdmapRange>, Vec<Reason>), JoinError> {
    let text = host.read(Path::new(SMB_CONF))?.unwrap_or_default();
    let all = explicit_globals_following(&text, &|path| host.read(path).ok().flatten());
    let ranges = read(&all);
    let mut findings = Vec::new();
    if serves {
        findings.extend(collisions(&ranges, &taken_ids(host)?));
        let has = |domain: &str| ranges.iter().any(|range| range.domain == domain);
        let serves_all = ranges
            .iter()
            .any(|range| range.domain == "*" && range.backend == "autorid");
        if !has(&netbios.to_ascii_uppercase()) && !serves_all {
            findings.push(Reason::new(
                Code::IdmapRangeMissing,
                format!("smb.conf has no range of ids for {netbios}"),
            ));
        }
    }
    Ok((ranges, findings))
}

fn read(globals: &Globals) -> Vec<IdmapRange> {
    let mut found: BTreeMap<String, (String, Option<IdRange>)> = BTreeMap::new();
    for setting in globals.settings() {
        let Some((domain, what)) = setting
            .name
            .strip_prefix("idmap config ")
            .and_then(|rest| rest.rsplit_once(" : "))
        else {
            continue;
        };
        let value = String::from_utf8_lossy(&setting.value).into_owned();
        let entry = found.entry(domain.to_ascii_uppercase()).or_default();
        match what {
            "backend" => entry.0 = value.trim().to_ascii_lowercase(),
            "range" => entry.1 = IdRange::parse(&value),
            _ => {}
        }
    }
    let ranges = found.into_iter().filter_map(|(domain, (backend, range))| {
        let range = range?;
        Some(IdmapRange {
            domain,
            backend,
            first: range.first,
            last: range.last,
        })
    });
    ranges.collect()
}

fn collisions(ranges: &[IdmapRange], taken: &[(String, IdRange)]) -> Vec<Reason> {
    let ids = |range: &IdmapRange| IdRange {
        first: range.first,
        last: range.last,
    };
    let mut findings = Vec::new();
    for (index, range) in ranges.iter().enumerate() {
        for other in &ranges[..index] {
            if ids(range).overlaps(ids(other)) {
                findings.push(Reason::new(
                    Code::IdmapCollision,
                    format!(
                        "the ids {} of {} overlap with {} of {}",
                        ids(range),
                        range.domain,
                        ids(other),
                        other.domain
                    ),
                ));
            }
        }
        let whose: Vec<&str> = taken
            .iter()
            .filter(|(_, taken)| ids(range).overlaps(*taken) && *taken != NOBODY)
            .map(|(whose, _)| whose.as_str())
            .collect();
        if !whose.is_empty() {
            let more = match whose.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let shown = whose.iter().take(SHOWN).copied().collect::<Vec<_>>();
            findings.push(Reason::new(
                Code::IdmapCollision,
                format!(
                    "the ids {} of {} are also those of {}{more}",
                    ids(range),
                    range.domain,
                    shown.join(", ")
                ),
            ));
        }
    }
    findings
}

/// The id of `nobody` and `nogroup`, which own nothing. The ranges in many manuals have it.
const NOBODY: IdRange = IdRange {
    first: 65_534,
    last: 65_534,
};

/// So many owners of ids are named.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use smbgw_core::smbconf::globals::explicit_globals;

    use super::*;

    fn ranges_of(text: &str) -> Vec<IdmapRange> {
        read(&explicit_globals(format!("[global]\n{text}").as_bytes()))
    }

    #[test]
    fn ranges_are_read() {
        let found = ranges_of(
            "idmap config * : backend = tdb\nidmap config *:range = 3000-7999\n\
             idmap config Lab : range=10000 - 99999\nidmap config Lab:backend = RID\n\
             idmap config X : range = nonsense\n",
        );
        let shown: Vec<String> = found
            .iter()
            .map(|r| format!("{} {} {}-{}", r.domain, r.backend, r.first, r.last))
            .collect();
        assert_eq!(shown, ["* tdb 3000-7999", "LAB rid 10000-99999"]);
    }

    #[test]
    fn collisions_are_told() {
        let ranges =
            ranges_of("idmap config * : range = 1000-2000\nidmap config A : range = 1500-3000\n");
        let one = |id| IdRange {
            first: id,
            last: id,
        };
        let taken: Vec<_> = (0..7)
            .map(|number| (format!("`u{number}`"), one(2500 + number)))
            .collect();
        let findings = collisions(&ranges, &taken);
        let texts: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].contains("1500-3000 of A overlap with 1000-2000 of *"));
        assert!(texts[1].ends_with("`u4`, and 2 more"), "{texts:?}");
        assert!(collisions(&ranges[..1], &taken).is_empty());
        let whole = ranges_of("idmap config A : range = 10000-999999\n");
        assert!(collisions(&whole, &[("`nobody`".into(), one(65_534))]).is_empty());
    }
}
