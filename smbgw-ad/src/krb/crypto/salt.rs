//! The salts that Active Directory makes keys of passwords with.

use crate::name::{ComputerName, Realm};

/// The salt of a computer's account: the realm, `host`, the name of the computer in lower case, a
/// dot, and the realm in lower case (MS-KILE 3.1.1.2).
///
/// A domain controller tells the salt in ETYPE-INFO2, and that one holds where they differ: an
/// account that was renamed keeps the salt of its old name until its password changes.
///
/// ```
/// use smbgw_ad::krb::crypto::computer_salt;
///
/// let salt = computer_salt(&"AD.EXAMPLE".parse()?, &"GW1".parse()?);
/// assert_eq!(salt, b"AD.EXAMPLEhostgw1.ad.example");
/// # Ok::<(), smbgw_ad::name::NameError>(())
/// ```
pub fn computer_salt(realm: &Realm, computer: &ComputerName) -> Vec<u8> {
    let realm = realm.as_str();
    format!(
        "{}host{}.{}",
        realm.to_ascii_uppercase(),
        computer.label(),
        realm.to_ascii_lowercase()
    )
    .into_bytes()
}

/// The salt of a user's account: the realm and the account's name as it is written in the directory
/// (MS-KILE 3.1.1.2).
pub fn user_salt(realm: &Realm, account: &str) -> Vec<u8> {
    format!("{}{account}", realm.as_str().to_ascii_uppercase()).into_bytes()
}
