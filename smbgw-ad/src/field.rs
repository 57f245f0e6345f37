//! Fields of a request: texts that become what they stand for.

use std::str::FromStr;

use smbgw_core::error::{Coded, Problem};

/// What `text` says, if there is any; what is wrong with it becomes a problem of `field`.
pub(crate) fn read<T>(field: &str, text: Option<&String>, problems: &mut Vec<Problem>) -> Option<T>
where
    T: FromStr,
    T::Err: Coded,
{
    text?
        .parse()
        .map_err(|error| problems.push(Problem::from_error(field, &error)))
        .ok()
}
