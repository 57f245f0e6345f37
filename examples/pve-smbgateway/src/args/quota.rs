//! `quota`: limits looked at more closely, and limits of users and groups.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Quota {
    /// Compare what is configured with what the file system really enforces.
    ///
    /// Looks at the limit, at whether it is counted and enforced, and at every file and directory of
    /// the share: each has to count for it. Without NAME it also finds what deleted shares left.
    /// Nothing is changed unless --fix is given.
    ///
    /// Ends with status 7 where something is not as it is meant to be, and was not put right.
    Check {
        /// The share; all of them if not given.
        name: Option<String>,
        /// Put right what can be put right.
        #[arg(long)]
        fix: bool,
        /// Look only at the limit and the top directory, not at every file.
        #[arg(long, conflicts_with = "fix")]
        quick: bool,
    },
    /// Set and show limits of users on the file system of a share.
    #[command(subcommand, after_help = OWNERS)]
    User(Owner),
    /// Set and show limits of groups on the file system of a share.
    #[command(subcommand, after_help = OWNERS)]
    Group(Owner),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Owner {
    /// Set limits; those that are not named stay as they are.
    Set(SetOwner),
    /// Show the usage and limits of one user or group.
    Show {
        /// The share.
        share: String,
        /// Whose: a name, or + and a number: +1000.
        owner: String,
    },
    /// Show the usage and limits of all who have any.
    Report {
        /// The share.
        share: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SetOwner {
    /// The share; the limit holds on its whole file system.
    pub(crate) share: String,
    /// Whose: a name, or + and a number: +1000.
    #[arg(required_unless_present_any = ["default", "grace"])]
    pub(crate) owner: Option<String>,
    /// The most that may be stored: 500M, 10G, or `none`.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(crate) hard: Option<String>,
    /// Above this the grace time runs (ext4 and XFS): 500M, 10G, or `none`.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(crate) soft: Option<String>,
    /// The most files and directories, or `none`.
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(crate) files: Option<String>,
    /// Above this many files and directories the grace time runs (ext4 and XFS), or `none`.
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(crate) soft_files: Option<String>,
    /// Set the limits of everybody who has none of their own (XFS).
    #[arg(long, conflicts_with = "owner")]
    pub(crate) default: bool,
    /// How long a soft limit may be exceeded, for everybody on the file system: 12h, 7d.
    #[arg(long, value_name = "TIME")]
    pub(crate) grace: Option<String>,
}

const OWNERS: &str = "\
The limits hold on the whole file system of the share. Root (number 0) has none.
A name made of digits is looked up as a name first, as chown(1) does; `+1000` is always the number.

Examples:
  pve-smbgateway quota user set media alice --hard 5G --soft 4G
  pve-smbgateway quota user set media +1000 --hard none
  pve-smbgateway quota group report media";
