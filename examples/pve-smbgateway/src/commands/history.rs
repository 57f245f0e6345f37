//! `quota-history`.

use smbgw_core::error::{Coded, Problem};
use smbgw_core::host::Host;
use smbgw_core::lifecycle::ShareError;
use smbgw_core::share::ShareName;
use smbgw_quota::history::Resolution;
use smbgw_quota::monitor::Past;

use crate::args::history::{History as Arguments, Resolution as Wanted};
use crate::exit::Exit;
use crate::moment;
use crate::output::Output;

/// Shows the usage of a share of `host` over time.
pub(crate) fn run(host: &dyn Host, output: &Output, arguments: &Arguments) -> Exit {
    let share: ShareName = match arguments.name.parse() {
        Ok(share) => share,
        Err(error) => {
            let problem = Problem::from_error("name", &error as &dyn Coded);
            return output.error(&ShareError::Refused(vec![problem]));
        }
    };
    let span = match span(arguments, host.now()) {
        Ok(span) => span,
        Err((field, message)) => return output.unusable(field, &message),
    };
    let resolution = match arguments.resolution {
        Wanted::Auto => Resolution::Auto,
        Wanted::Raw => Resolution::Raw,
        Wanted::Hourly => Resolution::Hourly,
        Wanted::Daily => Resolution::Daily,
    };
    match Past::of(host, share, span, resolution) {
        Ok(past) => output.history(&past, arguments),
        Err(error) => output.error(&error),
    }
}

fn span(arguments: &Arguments, now: i64) -> Result<(i64, i64), (&'static str, String)> {
    let read = |field, text: &Option<String>| match text {
        Some(text) => moment::moment(text)
            .map(Some)
            .map_err(|error| (field, error)),
        None => Ok(None),
    };
    let to = read("to", &arguments.to)?.unwrap_or(now.saturating_add(1));
    let days = i64::from(arguments.days) * 86_400;
    let from = read("from", &arguments.from)?.unwrap_or(to.saturating_sub(days));
    if from >= to {
        let message = format!(
            "{} is not before {}",
            moment::shown(from),
            moment::shown(to)
        );
        return Err(("from", message));
    }
    Ok((from, to))
}
