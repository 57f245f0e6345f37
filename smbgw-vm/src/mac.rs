//! Addresses for the network adapters of guests.

pub use smbgw_core::mac::{Mac, MacError};

/// A random address of those that QEMU's guests have by convention (`52:54:00`): no manufacturer gives one to
/// an adapter.
///
/// # Errors
/// Where the system gives no random bytes.
pub fn random() -> Result<Mac, getrandom::Error> {
    let mut bytes = [0x52, 0x54, 0, 0, 0, 0];
    getrandom::fill(&mut bytes[3..])?;
    Ok(Mac(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_addresses_are_those_of_guests() {
        let one = random().unwrap();
        assert_eq!(one.0[..3], [0x52, 0x54, 0]);
        assert!(one.is_of_one());
        let mut others = (0..8).map(|_| random().unwrap());
        assert!(others.any(|other| other != one), "{one}");
    }
}
