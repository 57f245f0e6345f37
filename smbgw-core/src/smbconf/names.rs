//! Parameter names: case, white space and synonyms.

use super::lex::is_space;

/// The preferred name of a parameter, in lower case with single spaces, for any spelling Samba
/// takes for it.
///
/// Samba compares names without regard to case and to white space anywhere, and knows synonyms
/// (`min protocol` for `server min protocol`). A name that is not in the tables here keeps its
/// words; compare such names with [`same`].
///
/// *Inverted* synonyms (`writeable` for `read only`, `enable spoolss` for `disable spoolss`) stay
/// what they are, because their value would have to change too.
///
/// ```
/// use smbgw_core::smbconf::names::canonical;
///
/// assert_eq!(canonical(b"MINprotocol"), "server min protocol");
/// assert_eq!(canonical(b"idmap  config CORP:Range"), "idmap config corp : range");
/// ```
pub fn canonical(name: &[u8]) -> String {
    if let Some(known) = known(&squeezed(name)) {
        return known.to_owned();
    }
    let spaced = String::from_utf8_lossy(name)
        .to_ascii_lowercase()
        .replace(':', " : ");
    let mut words = String::with_capacity(spaced.len());
    for word in spaced.split(|c: char| u8::try_from(c).is_ok_and(is_space)) {
        if !word.is_empty() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
    }
    words
}

/// Whether two spellings name the same parameter.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    identity(left) == identity(right)
}

/// What two spellings of one parameter have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Known(&'static str),
    Unknown(Vec<u8>),
}

pub(super) fn identity(name: &[u8]) -> Identity {
    let squeezed = squeezed(name);
    known(&squeezed).map_or(Identity::Unknown(squeezed), Identity::Known)
}

/// Whether a section of this name holds global parameters: `global` or `globals`, in any case and
/// with white space anywhere.
pub fn is_global_section(name: &[u8]) -> bool {
    matches!(squeezed(name).as_slice(), b"global" | b"globals")
}

/// Without white space, in lower case.
pub(super) fn squeezed(name: &[u8]) -> Vec<u8> {
    name.iter()
        .filter(|b| !is_space(**b))
        .map(u8::to_ascii_lowercase)
        .collect()
}

/// The spellings that [`canonical`] knows, without white space: every synonym `smb.conf`(5) lists,
/// and the preferred names this project asks for.
pub fn spellings() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|(spelling, _)| *spelling)
}

fn known(squeezed: &[u8]) -> Option<&'static str> {
    let index = KNOWN
        .binary_search_by(|(s, _)| s.as_bytes().cmp(squeezed))
        .ok()?;
    Some(KNOWN[index].1)
}

/// Spelling without white space, preferred name; in the order of the spellings.
static KNOWN: &[(&str, &str)] = &[
    ("allowhosts", "hosts allow"),
    ("autoservices", "auto services"),
    ("binddnsdir", "binddns dir"),
    ("binddnsdirectory", "binddns dir"),
    ("bindinterfacesonly", "bind interfaces only"),
    ("browsable", "browseable"),
    ("browseable", "browseable"),
    ("cachedirectory", "cache directory"),
    ("casesensitive", "case sensitive"),
    ("casesignames", "case sensitive"),
    ("clustering", "clustering"),
    ("configbackend", "config backend"),
    ("configfile", "config file"),
    ("createmask", "create mask"),
    ("createmode", "create mask"),
    ("ctdbdsocket", "ctdbd socket"),
    ("debuglevel", "log level"),
    ("debugtimestamp", "timestamp logs"),
    ("default", "default service"),
    ("defaultservice", "default service"),
    ("denyhosts", "hosts deny"),
    ("directory", "path"),
    ("directorymask", "directory mask"),
    ("directorymode", "directory mask"),
    ("exec", "preexec"),
    ("forcegroup", "force group"),
    ("group", "force group"),
    ("guestaccount", "guest account"),
    ("guestok", "guest ok"),
    ("guestonly", "guest only"),
    ("hostsallow", "hosts allow"),
    ("hostsdeny", "hosts deny"),
    ("idmapgid", "idmap gid"),
    ("idmapuid", "idmap uid"),
    ("include", "include"),
    ("interfaces", "interfaces"),
    ("invalidusers", "invalid users"),
    ("kerberosmethod", "kerberos method"),
    ("ldappasswdsync", "ldap passwd sync"),
    ("ldappasswordsync", "ldap passwd sync"),
    ("lockdir", "lock directory"),
    ("lockdirectory", "lock directory"),
    ("loglevel", "log level"),
    ("maptoguest", "map to guest"),
    ("maxprotocol", "server max protocol"),
    ("minprotocol", "server min protocol"),
    ("nbtclientsocketaddress", "nbt client socket address"),
    ("netbiosname", "netbios name"),
    ("onlyguest", "guest only"),
    ("passdbbackend", "passdb backend"),
    ("path", "path"),
    ("piddirectory", "pid directory"),
    ("preexec", "preexec"),
    ("preferedmaster", "preferred master"),
    ("preferredmaster", "preferred master"),
    ("preload", "auto services"),
    ("printable", "printable"),
    ("printcap", "printcap name"),
    ("printcapname", "printcap name"),
    ("printer", "printer name"),
    ("printername", "printer name"),
    ("printok", "printable"),
    ("privatedir", "private dir"),
    ("privatedirectory", "private dir"),
    ("protocol", "server max protocol"),
    ("public", "guest ok"),
    ("readonly", "read only"),
    ("realm", "realm"),
    ("registryshares", "registry shares"),
    ("restrictanonymous", "restrict anonymous"),
    ("root", "root directory"),
    ("rootdir", "root directory"),
    ("rootdirectory", "root directory"),
    ("security", "security"),
    ("servermaxprotocol", "server max protocol"),
    ("serverminprotocol", "server min protocol"),
    ("serverrole", "server role"),
    ("serversigning", "server signing"),
    ("serversmbencrypt", "server smb encrypt"),
    ("serverstring", "server string"),
    ("smb1unixextensions", "smb1 unix extensions"),
    ("smbencrypt", "server smb encrypt"),
    ("smbports", "smb ports"),
    ("socketaddress", "nbt client socket address"),
    ("statedirectory", "state directory"),
    ("timestamplogs", "timestamp logs"),
    ("unixcharset", "unix charset"),
    ("unixextensions", "smb1 unix extensions"),
    ("usershareallowguests", "usershare allow guests"),
    ("usersharepath", "usershare path"),
    ("validusers", "valid users"),
    ("vfsobject", "vfs objects"),
    ("vfsobjects", "vfs objects"),
    ("winbindgid", "idmap gid"),
    ("winbinduid", "idmap uid"),
    ("workgroup", "workgroup"),
    ("writable", "writeable"),
    ("writeable", "writeable"),
    ("writeok", "writeable"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        assert!(same(b"servermin protocol", b"Min\tProtocol"));
        assert!(same(b"vfs_full_audit:prefix", b"VFS_Full_Audit : prefix"));
        assert!(same(b"some new name", b"somenew name"));
        assert!(!same(b"read only", b"writeable"));
        assert_eq!(canonical(b" Some  New\tname "), "some new name");
    }

    #[test]
    fn the_table_is_in_order_and_complete() {
        assert!(KNOWN.is_sorted_by(|(left, _), (right, _)| left < right));
        for (_, preferred) in KNOWN {
            assert_eq!(known(&squeezed(preferred.as_bytes())), Some(*preferred));
        }
    }

    #[test]
    fn global_sections() {
        for name in [&b"global"[..], b" GLO bal ", b"Globals"] {
            assert!(is_global_section(name));
        }
        assert!(!is_global_section(b"global$"));
    }
}
