//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit;

pub(crate) mod alert;
pub(crate) mod domain;
pub(crate) mod ha;
pub(crate) mod ha_change;
pub(crate) mod ha_move;
pub(crate) mod ha_test;
pub(crate) mod history;
pub(crate) mod monitor;
pub(crate) mod quota;
pub(crate) mod template;
pub(crate) mod vm;

/// SMB shares with enforced quotas on Proxmox VE and Debian.
///
/// Each share is a directory, ZFS dataset or btrfs subvolume whose size the kernel limits, served
/// by Samba, or runs in a virtual machine of its own. Shares of your own in smb.conf are never touched: this program adds one include line
/// there and keeps its shares in a file beside it.
///
/// An operation checks everything it can before it touches anything. Where it fails on the way, it
/// undoes what it did; where it is killed, the next run finishes or undoes it.
#[derive(Debug, Parser)]
#[command(name = "pve-smbgateway", version, max_term_width = 100, after_help = exit::TABLE)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Print one JSON document on standard output, and nothing else.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Work on the files below DIR, such as a mounted image, instead of on the running system.
    /// Nothing is started or probed then.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// The longest the whole operation may take, in seconds; 0 waits as long as it takes [default: 300, and
    /// 1800 with virtual machines].
    #[arg(long, global = true, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}

impl Common {
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout_or(300)
    }

    /// The longest it may take, where that many seconds are usual.
    pub(crate) fn timeout_or(&self, seconds: u64) -> Duration {
        match self.timeout.unwrap_or(seconds) {
            0 => Duration::MAX,
            seconds => Duration::from_secs(seconds),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a share.
    ///
    /// Makes the directory (or dataset, or subvolume), sets its quota and access rights, defines
    /// the share for Samba, and connects to it over SMB before saying that it is done.
    ///
    /// With --mode vm, makes a virtual machine of Proxmox VE from a template instead, with a disk for data as
    /// large as the quota needs, and waits until it answers over SMB. All that the node lacks for it is told
    /// before anything is made.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Create),
    /// List the shares.
    List,
    /// Show how a share is: usage, limit, and whether it answers over SMB.
    Status {
        /// The share.
        name: String,
    },
    /// Start the virtual machine of a share, and wait until it answers over SMB.
    Start {
        /// The share.
        name: String,
    },
    /// Shut the virtual machine of a share down. The share is not there until it is started again.
    Stop(vm::Stop),
    /// Shut the virtual machine of a share down and start it again.
    Restart(vm::Stop),
    /// Change the quota of a share.
    ///
    /// The disk for data of a share in a virtual machine grows where the quota needs it, and never shrinks.
    Resize {
        /// The share.
        name: String,
        /// The new quota, such as 20G.
        size: String,
        /// Set it even if the share holds more already: nothing can be written then until enough
        /// is removed. ZFS refuses that all the same.
        #[arg(long)]
        force: bool,
    },
    /// Change whom of its users and groups a share lets in.
    ///
    /// They all stay the share's, with their accounts and their rights to its files, so that going
    /// back makes everything as it was. Those who are not let in any more are disconnected.
    Auth {
        /// The share.
        name: String,
        /// Those of the domain alone, those of this machine alone (local), or both (hybrid).
        method: String,
    },
    /// Take a share away; its data stays unless --purge is given.
    ///
    /// Connected clients are disconnected. With --purge the data is removed too, with accounts and
    /// parent directories that were made for the share. A directory, dataset or subvolume that was
    /// there before the share is never removed.
    ///
    /// The data of a share in a virtual machine is inside it, so that such a share is taken away with --purge
    /// only; `stop` keeps both.
    Delete {
        /// The share.
        name: String,
        /// Remove the data too; asks first.
        #[arg(long)]
        purge: bool,
        /// Set the history of its usage apart instead of removing it; a later share of that name
        /// begins without one all the same.
        #[arg(long)]
        keep_history: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show usage and limits of all shares, or of one.
    QuotaStatus {
        /// The share; all of them if not given.
        name: Option<String>,
    },
    /// Check limits closely, and set limits of users and groups.
    #[command(subcommand)]
    Quota(quota::Quota),
    /// Show the usage of a share over time, and when it will be full.
    QuotaHistory(history::History),
    /// Watch the shares: remember their usage, and tell people before they are full.
    #[command(subcommand)]
    Monitor(monitor::Monitor),
    /// Show, acknowledge and silence alerts, and try whether messages arrive.
    #[command(subcommand)]
    Alert(alert::Alert),
    /// Finish or undo what a crash or a kill interrupted.
    ///
    /// A create, resize or auth that was interrupted is undone; a delete that had begun to give up the
    /// share's place is finished. Samba's configuration is made anew from the records. Virtual machines that were
    /// not finished are removed; a removal of one is finished.
    Recover,
    /// Find an Active Directory domain and the domain controller to talk to.
    ///
    /// Looks in the DNS, asks the controllers that are named there who they are, and says which one
    /// would be used and why others would not. Nobody logs in, and nothing is changed.
    #[command(after_help = domain::DISCOVER_EXAMPLES)]
    AdDiscover(domain::Discover),
    /// Join an Active Directory domain.
    ///
    /// Makes the account of this machine in the domain (or takes one over), gives it a password that
    /// nobody knows, writes its keys, tells Samba, sets up Kerberos and winbindd, and registers its
    /// addresses in the DNS; then proves that the domain lets the machine in. Everything is checked
    /// before anything is touched. Where it fails on the way, all of it is taken back, the account
    /// included.
    ///
    /// Without --user, an account that was made before is taken over, and the password is its one-time
    /// password.
    ///
    /// With --offline-blob and --user, only the account is made, and a file with which another machine
    /// joins later; with --offline-blob alone, this machine joins with that file.
    #[command(after_help = domain::JOIN_EXAMPLES)]
    AdJoin(domain::Join),
    /// Leave the domain that this machine is in, whoever has joined it.
    ///
    /// Removes what joining wrote, and disables the account in the domain, so that a later join can
    /// take it over. Shares stay; users of the domain no longer get in.
    #[command(after_help = domain::LEAVE_EXAMPLES)]
    AdLeave(domain::Leave),
    /// Show how this machine stands with its domain, and what is not as it should be.
    ///
    /// With SHARE, says also whom that lets in by the domain, and whom without.
    ///
    /// Ends with status 3 where it is in no domain, and with 7 where something is not as it should be;
    /// with 0 where SHARE needs no domain.
    AdStatus {
        /// The share.
        share: Option<String>,
        #[command(flatten)]
        target: domain::Target,
    },
    /// Look for what is wrong between this machine and a domain, be it joined or not.
    ///
    /// Each check is made even where others failed, and says what usually is behind it and what to do.
    /// Without --user, what needs a login is not checked. Nothing is changed.
    ///
    /// Ends with status 1 where a check failed.
    #[command(after_help = domain::TEST_EXAMPLES)]
    AdTest(domain::Test),
    /// Give the account of this machine a new password.
    ///
    /// Clients notice nothing: the keys of the former password stay valid for tickets that were given
    /// out. It may be interrupted anywhere, and the next one finishes it.
    #[command(after_help = domain::ROTATE_EXAMPLES)]
    AdRotate(domain::Rotate),
    /// Show and change the names by which clients ask for the services of this machine.
    #[command(subcommand)]
    AdSpn(domain::Spn),
    /// Show the keytab of this machine, or write it anew.
    ///
    /// Keys themselves are never shown. With --refresh, keys are written for all services that the
    /// account has, from the password that Samba knows: what helps where the keytab was lost or is
    /// behind. Keys of others stay.
    AdKeytab(domain::Keytab),
    /// Finish or undo a join or a leave that a crash or a kill interrupted.
    ///
    /// Without --user, what is in the domain stays as it is, and the message says what that is.
    #[command(after_help = domain::RECOVER_EXAMPLES)]
    AdRecover(domain::Recover),
    /// Make a cluster of machines that share a folder, and wait until it serves.
    ///
    /// Everything is checked on all nodes before anything is touched, and all that is wrong is told at once.
    /// Writes ctdb's and Samba's settings on all nodes, starts ctdb, and waits until all nodes are healthy.
    /// Where it fails on one node, all of them are made as they were.
    #[command(after_help = ha_change::SETUP_EXAMPLES)]
    HaSetup(ha_change::Setup),
    /// Take over a cluster of ctdb that somebody else set up.
    ///
    /// Says what its nodes do not agree on and what is wrong with it, shows each file that would be written,
    /// and asks. Files of ctdb and Samba stay as they are. Without --yes, and where nobody is there to
    /// answer, nothing is changed.
    #[command(after_help = ha_change::ADOPT_EXAMPLES)]
    HaAdopt(ha_change::Adopt),
    /// Take one more machine into the cluster, while clients are connected to the others.
    ///
    /// It gets the settings of the other nodes, and may take every address of the cluster. Everything is
    /// checked before anything is touched. Where it fails, all machines are made as they were; the number of
    /// the node may stay taken.
    #[command(after_help = ha_change::ADD_NODE_EXAMPLES)]
    HaAddNode(ha_change::AddNode),
    /// Take a node out of the cluster, and make it the machine that it was.
    ///
    /// Its addresses move to other nodes first. The numbers of the other nodes stay as they are. A node that
    /// is lost for good may be one that is not reached.
    HaRemoveNode(ha_change::RemoveNode),
    /// Take the cluster apart: its nodes become the machines that they were. Data in the shared folder stays.
    ///
    /// The databases that the nodes shared, with users and shares in the registry, are removed for good unless
    /// --keep-databases is given. Without --yes, and where nobody is there to answer, nothing is changed.
    #[command(after_help = ha_change::TEARDOWN_EXAMPLES)]
    HaTeardown(ha_change::Teardown),
    /// Finish or undo a change to a cluster, and repair what a drill broke, that a crash or a kill interrupted.
    ///
    /// It is run on the machine on which the change was begun, or with the same --host. What was done on a node that is not reached
    /// stays, and the message says what that is; run it again when the node is back.
    #[command(after_help = ha_change::RECOVER_EXAMPLES)]
    HaRecover(ha_change::Recover),
    /// Show how the cluster stands that this machine is a node of: nodes, leader, addresses, and what is
    /// not as it should be.
    ///
    /// All nodes are asked at once. Where nothing is known of the cluster but its ctdbd, that alone is asked.
    ///
    /// Ends with status 3 where this machine is in no cluster, and with 7 where something is not as it should
    /// be.
    #[command(after_help = ha::STATUS_EXAMPLES)]
    HaStatus(ha::Status),
    /// Say where every address of the cluster goes when nodes leave it or come back, before they do.
    ///
    /// It is what ctdb itself will do, as its settings are now. Nothing is changed. Without nodes, says where
    /// addresses go when ctdb places them anew.
    ///
    /// Ends with status 7 where an address would be on no node.
    #[command(after_help = ha::PLAN_EXAMPLES)]
    HaPlan(ha::Plan),
    /// Move an address of the cluster to a node, and say whether it stays there.
    #[command(after_help = ha_move::MOVE_EXAMPLES)]
    HaMove(ha_move::Move),
    /// Have a node give all its addresses away, and wait until its clients are gone.
    ///
    /// The node stays in the cluster, and takes no address before ha-resume. Where no other node can take its
    /// addresses, nothing is changed.
    ///
    /// Ends with status 7 where somebody is still connected after that time.
    #[command(after_help = ha_move::DRAIN_EXAMPLES)]
    HaDrain(ha_move::Drain),
    /// Have a node take addresses again that was drained, disabled or stopped.
    ///
    /// Ends with status 7 where it is not healthy, as it gets no address before it is.
    HaResume(ha_move::Resume),
    /// Keep an address for somebody, such as a share, and say which.
    ///
    /// Whoever has one already has the same again. One that the cluster does not serve under so far is asked
    /// for on the network first, by all nodes.
    #[command(after_help = ha_move::RESERVE_EXAMPLES)]
    HaReserve(ha_move::Reserve),
    /// Keep an address for somebody no longer. Whether the cluster serves under it stays as it is.
    HaRelease(ha_move::Release),
    /// Ask on the network whether somebody has an address.
    ///
    /// Sends ARP probes (RFC 5227) or neighbour solicitations (RFC 4862), and says who answers, by the
    /// address of the network adapter. Nothing is changed.
    ///
    /// Ends with status 4 where another machine has one of the addresses, and with 1 where that could not be
    /// found out.
    #[command(after_help = ha::PROBE_EXAMPLES)]
    HaProbe(ha::Probe),
    /// Show what happened in the cluster: failovers, states of nodes, recoveries, who changed what.
    ///
    /// Each node has a log of its own; those of all nodes are put together.
    #[command(after_help = ha::EVENTS_EXAMPLES)]
    HaEvents(ha::Events),
    /// Break nodes on purpose while clients work, measure what they see of it, and repair the nodes.
    ///
    /// Clients write and read through an address of the cluster, each write put on disk. The node that has the
    /// address is broken; when another one serves, it is repaired, and all that the server had said is on disk
    /// is read back. What repairing needs is written down first: after a drill that was killed, `ha-recover`
    /// repairs. Refused where the cluster is not healthy or no other node can take the address, and, without
    /// --yes, where clients use it.
    ///
    /// Ends with status 7 where a node could not be repaired, bytes are lost, or clients were not served again.
    #[command(after_help = ha_test::EXAMPLES)]
    HaTest(ha_test::Test),
    /// Write down what ctdb says of this node; ctdb itself calls it.
    ///
    /// Ends with status 0 even where it could not be written down, so that ctdb goes on.
    HaNotify(ha::Notify),
    /// Build, fetch, look over and delete the templates that virtual machines start from.
    #[command(subcommand)]
    Template(template::Template),
    /// Check whether the machine is ready, and change nothing.
    ///
    /// With the options of `create`, checks that request as `create` would.
    Check {
        #[command(flatten)]
        create: CheckRequest,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The share's name: up to 80 characters, as clients will see it.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) options: ShareOptions,
}

#[derive(Debug, Args)]
pub(crate) struct CheckRequest {
    /// The share's name; without it, only the machine is checked.
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) options: ShareOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ShareOptions {
    /// Where the share runs: native is on this machine itself, vm in a virtual machine of its own.
    #[arg(long, value_name = "MODE", default_value = "native")]
    pub(crate) mode: String,
    /// The directory to share [default: /srv/smb/NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<String>,
    /// The most the share may hold: 500M, 10G, 1.5T (binary multiples, as in ZFS and Proxmox).
    #[arg(long, value_name = "SIZE")]
    pub(crate) quota: Option<String>,
    /// An account that may use the share, of this machine (alice) or of its domain ('AD\alice');
    /// may be given several times.
    #[arg(long = "user", value_name = "NAME")]
    pub(crate) users: Vec<String>,
    /// A group whose members may use the share, of this machine (staff) or of its domain
    /// ('AD\domain users'); may be given several times.
    #[arg(long = "group", value_name = "NAME")]
    pub(crate) groups: Vec<String>,
    /// Which of them are let in: those of the domain alone, those of this machine alone (local), or
    /// both (hybrid) [default: hybrid].
    #[arg(long, value_name = "METHOD")]
    pub(crate) auth: Option<String>,
    /// Make the accounts that do not exist, without log-in, with an SMB password that is asked
    /// for, or read from --password-file. Those of a virtual machine are made anyhow.
    #[arg(long = "create-user")]
    pub(crate) create_users: bool,
    /// Read the SMB password of new accounts from the first line of FILE; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Read it from the first line of what is open as descriptor N.
    #[arg(long, value_name = "N", conflicts_with = "password_file")]
    pub(crate) password_fd: Option<u32>,
    /// Nobody may write.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Everybody may use the share, without a password.
    #[arg(long)]
    pub(crate) guest: bool,
    /// The oldest protocol version accepted: 2.1, 3.0 or 3.1.1. It holds for the whole server, so
    /// the oldest that any share asks for counts [default: 3.0].
    #[arg(long, value_name = "VERSION")]
    pub(crate) min_protocol: Option<String>,
    /// Encryption on the wire [default: desired].
    #[arg(long, value_name = "WHEN")]
    pub(crate) encrypt: Option<Encrypt>,
    /// A comment that clients show.
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Make the share even if the directory holds more than the quota already.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) vm: vm::VmOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Encrypt {
    /// Clients that cannot encrypt are refused.
    Required,
    /// Clients that can encrypt do.
    Desired,
    /// Nobody encrypts.
    Off,
}

impl Encrypt {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Desired => "desired",
            Self::Off => "off",
        }
    }
}

const CREATE_EXAMPLES: &str = "\
Examples:
  pve-smbgateway create media --quota 10G --user alice
  pve-smbgateway create docs --path /tank/docs --quota 1.5T --group staff --encrypt required
  pve-smbgateway create scan --quota 5G --user scanner --create-user --password-file - < secret
  pve-smbgateway create vault --mode vm --quota 10G --user alice --vm-template bookworm \\
    --ip 192.0.2.10/24,gw=192.0.2.1 --password-file /root/secret";
