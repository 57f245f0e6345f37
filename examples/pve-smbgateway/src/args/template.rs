//! `template`: the disks that virtual machines start from.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use smbgw_core::host::Reach;
use smbgw_vm::template::{TemplateName, TemplateStore};

#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// Build a template from the packages of a release of Debian.
    ///
    /// It has what starts the machine, cloud-init, the guest agent of QEMU, Samba, winbind, ctdb and the
    /// packages that are asked for; no machine-id, no host key and no password. All that is wrong with the
    /// request, or missing on the machine, is told at once before anything is done. Nothing is left of a
    /// build that fails.
    ///
    /// It takes a minute or two; give a larger --timeout where the archive is far away.
    #[command(after_help = BUILD_EXAMPLES)]
    Build(Build),
    /// Make a template of an image that somebody else made, such as a cloud image of Debian.
    ///
    /// Its checksum is compared before anything is done with it. A download that was broken off goes on
    /// where it was. Whether the image is fit for serving files is what `template validate` says.
    #[command(after_help = FETCH_EXAMPLES)]
    Fetch(Fetch),
    /// Look a template over, without starting or mounting it.
    ///
    /// All that is found is told at once, with cause and remedy.
    ///
    /// Ends with status 7 where no machine should start from it. That it is old, or that updates have come
    /// out since, is told and is no reason for that.
    #[command(after_help = VALIDATE_EXAMPLES)]
    Validate(Validate),
    /// List the templates.
    #[command(after_help = LIST_EXAMPLES)]
    List(Place),
    /// Show what a template was made of, and who uses it.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Named),
    /// Delete a template; asks first.
    ///
    /// One that is in use is not deleted: the disks of machines are layers over it. Those are named, and the
    /// command ends with status 4.
    #[command(after_help = DELETE_EXAMPLES)]
    Delete(Delete),
}

/// Where templates are kept.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The folder that templates are kept in.
    #[arg(long, value_name = "DIR", default_value = TemplateStore::DEFAULT, value_parser = folder)]
    pub(crate) store: PathBuf,
    /// Work on the templates of the machine that this leads to, instead of on those of this one:
    /// ssh:root@pve2, ct:105, pid:1234.
    #[arg(long = "host", id = "store_host", value_name = "WAY")]
    pub(crate) host: Option<Reach>,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// What the template is called: small letters, digits, `-` and `.`.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// The release of Debian: bookworm (12) or trixie (13) [default: bookworm].
    #[arg(long, value_name = "RELEASE")]
    pub(crate) distro: Option<String>,
    /// The size of its disk, such as 4G. Disks of machines can be larger, and none can be smaller [default:
    /// 4G].
    #[arg(long, value_name = "SIZE")]
    pub(crate) size: Option<String>,
    /// A package that it has beside the usual ones; may be given several times.
    #[arg(long = "package", value_name = "NAME")]
    pub(crate) packages: Vec<String>,
    /// A word by which it is found; may be given several times.
    #[arg(long = "tag", value_name = "WORD")]
    pub(crate) tags: Vec<String>,
    /// The archive of packages, such as `http://deb.debian.org/debian` [default: that of the machine's apt].
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Option<String>,
    /// The archive of security updates [default: that of the machine's apt].
    #[arg(long, value_name = "URL")]
    pub(crate) security_mirror: Option<String>,
    /// The time that newer files are given, in seconds since 1970-01-01 00:00 UTC (SOURCE_DATE_EPOCH)
    /// [default: the time of the build].
    #[arg(long = "epoch", value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) epoch_seconds: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// What the template is called: small letters, digits, `-` and `.`.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// The image, qcow2 or raw: the absolute path of a file, or an address with http or https. An address is
    /// fetched from for this machine and for pid:N only.
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) from: String,
    /// Its SHA-256, in hexadecimal digits, as whoever made the image publishes it.
    #[arg(long, value_name = "DIGITS", conflicts_with = "sha512")]
    pub(crate) sha256: Option<String>,
    /// Its SHA-512.
    #[arg(long, value_name = "DIGITS")]
    pub(crate) sha512: Option<String>,
    /// A word by which the template is found; may be given several times.
    #[arg(long = "tag", value_name = "WORD")]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The template.
    pub(crate) name: TemplateName,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) template: Named,
    /// Start a machine from it, too, where nothing else is wrong: once under QEMU, without acceleration and
    /// network, which takes a minute or more of processor time; --timeout says how long it may take. The
    /// template itself is not written to.
    #[arg(long)]
    pub(crate) boot: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    pub(crate) template: Named,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// A folder, whose path has to be absolute: images are never looked for from where the program was started.
fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.is_absolute() {
        true => Ok(path),
        false => Err("the path is not absolute".into()),
    }
}

const BUILD_EXAMPLES: &str = "\
Examples:
  pve-smbgateway template build bookworm
  pve-smbgateway template build files-13 --distro trixie --size 6G --package vim-tiny --tag files
  pve-smbgateway template build bookworm --mirror http://mirror.example/debian --epoch 1750000000 \\
    --timeout 1800 --json";

const FETCH_EXAMPLES: &str = "\
Examples:
  pve-smbgateway template fetch cloud-12 --sha512 DIGITS --timeout 1800 \\
    --from https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2
  pve-smbgateway template fetch mine --from /srv/images/mine.raw --sha256 DIGITS --tag mine";

const VALIDATE_EXAMPLES: &str = "\
Examples:
  pve-smbgateway template validate bookworm
  pve-smbgateway template validate bookworm --boot --timeout 900 --json";

const LIST_EXAMPLES: &str = "\
Examples:
  pve-smbgateway template list
  pve-smbgateway template list --host ssh:root@pve2 --json";

const SHOW_EXAMPLES: &str = "\
Example:
  pve-smbgateway template show bookworm";

const DELETE_EXAMPLES: &str = "\
Examples:
  pve-smbgateway template delete bookworm
  pve-smbgateway template delete cloud-12 --store /srv/templates --yes";
