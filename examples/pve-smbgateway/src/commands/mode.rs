//! In which mode a share is asked for, and what of the request does not fit it.

use smbgw_core::error::Problem;
use smbgw_core::share::Mode;

use crate::args::ShareOptions;

/// The mode that is asked for; `native` where it is none, which is told with all else that is wrong.
pub(super) fn of(options: &ShareOptions) -> Mode {
    options.mode.parse().unwrap_or(Mode::Native)
}

/// The options that were given and do not fit the mode, or each other.
pub(super) fn misfits(options: &ShareOptions) -> Vec<Problem> {
    let mode = of(options);
    let strangers = match mode {
        Mode::Vm => options.given_of_native(),
        _ => options.vm.given(),
    };
    let strange = strangers.into_iter().map(|option| {
        let message = format!("--{option} does not go with --mode {mode}");
        let other = match mode {
            Mode::Vm => Mode::Native,
            _ => Mode::Vm,
        };
        let remedy = format!("leave out --{option}, or give --mode {other}");
        Problem::invalid(option, "cli.mode-misfit", message).remedy(remedy)
    });
    let mut problems: Vec<Problem> = strange.collect();
    let is_given = options.password_file.is_some() || options.password_fd.is_some();
    if mode == Mode::Native && is_given && !options.create_users {
        let message = "a password is given, and no account is to be made";
        let problem = Problem::invalid("password", "cli.unusable", message);
        problems.push(problem.remedy("give --create-user, or leave out the password"));
    }
    problems
}
