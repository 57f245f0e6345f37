//! Which methods there are.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use smbgw_quota::owner::OwnerKind::{Group, User};

use super::reader::{answer, reply_schema, reply_schema_of, request_schema};
use super::{
    ErrorReply, Failure, Request, ad, alert, ha, library, monitor, owner, quota, share, template,
    vm,
};

/// A method: one line of the table.
#[derive(Clone, Copy, Serialize, JsonSchema)]
pub struct Method {
    /// Its name, such as `share.create`.
    pub name: &'static str,
    /// What it does, as a sentence.
    pub summary: &'static str,
    /// Whether it may change something.
    pub changes: bool,
    #[serde(skip)]
    pub(super) call: fn(&Request<'_>) -> Result<String, Failure>,
    #[serde(skip)]
    request: fn() -> Schema,
    #[serde(skip)]
    reply: fn() -> Schema,
}

impl Method {
    /// The JSON schema of what it takes.
    pub fn request_schema(&self) -> Schema {
        (self.request)()
    }

    /// The JSON schema of what it answers where it succeeds.
    pub fn reply_schema(&self) -> Schema {
        (self.reply)()
    }

    /// The JSON schema of what every method answers where it does not succeed.
    pub fn error_schema() -> Schema {
        reply_schema_of::<ErrorReply>()
    }
}

macro_rules! methods {
    ($($name:literal $summary:literal $does:ident $call:expr;)*) => {
        &[$(Method {
            name: $name,
            summary: $summary,
            changes: does!($does),
            call: |request| answer($call, request),
            request: || request_schema($call),
            reply: || reply_schema($call),
        },)*]
    };
}

macro_rules! does {
    (looks) => {
        false
    };
    (changes) => {
        true
    };
}

/// All methods, by name.
#[rustfmt::skip]
pub const METHODS: &[Method] = methods! {
    "ad.check" "check whether a join would work, and say what it would do" looks ad::check;
    "ad.discover" "find a domain and the domain controller to talk to" looks ad::discover;
    "ad.join" "join a domain" changes ad::enter;
    "ad.join.offline" "join a domain with a file that was made for this machine" changes ad::enter_offline;
    "ad.keytab" "show what is in the keytab of this machine" looks ad::keys;
    "ad.keytab.refresh" "write the keytab of this machine anew" changes ad::refresh_keys;
    "ad.leave" "leave the domain" changes ad::depart;
    "ad.provision" "make the account of another machine, and a file with which that joins" changes ad::provide;
    "ad.recover" "finish or undo a join or a leave that was interrupted" changes ad::settle;
    "ad.rotate" "give the account of this machine a new password" changes ad::renew;
    "ad.spn.add" "add names of services, with keys for them" changes ad::add_names;
    "ad.spn.list" "list the names of the services of this machine" looks ad::list_names;
    "ad.spn.remove" "take names of services away, with their keys" changes ad::remove_names;
    "ad.status" "say how this machine stands with its domain" looks ad::status;
    "ad.test" "look for what is wrong between this machine and a domain" looks ad::test;
    "alert.acknowledge" "say that alerts are known, so that no reminders come" changes alert::acknowledge;
    "alert.list" "list what is raised and what is silenced" looks alert::list;
    "alert.silence" "tell nothing of alerts until a time" changes alert::silence;
    "alert.test" "send a message by every channel, or by one" changes alert::test;
    "alert.unsilence" "end silences before their time" changes alert::unsilence;
    "ha.adopt" "take over a cluster of ctdb that somebody else set up" changes ha::take_over;
    "ha.adopt.check" "say what is wrong with a cluster, and what adopting it would write" looks ha::adoption;
    "ha.check" "check whether machines can become a cluster, and say what that would be like" looks ha::check;
    "ha.drain" "have a node give its addresses away, and wait until its clients are gone" changes ha::drain_of;
    "ha.events" "tell what happened in the cluster" looks ha::events;
    "ha.move" "move an address of the cluster to a node" changes ha::move_to;
    "ha.node.add" "take one more machine into the cluster" changes ha::add;
    "ha.node.remove" "take a node out of the cluster, and make it the machine that it was" changes ha::remove;
    "ha.plan" "say where every address of the cluster goes when nodes leave it or come back" looks ha::plan;
    "ha.probe" "ask on the network whether somebody has an address" looks ha::probe;
    "ha.recover" "finish or undo a change to a cluster, and repair after a drill, that was interrupted" changes ha::settle;
    "ha.release" "keep an address for somebody no longer" changes ha::give_back;
    "ha.reserve" "keep an address of the cluster for somebody" changes ha::keep;
    "ha.resume" "have a node take addresses again" changes ha::resume_of;
    "ha.setup" "make a cluster of machines that share a folder" changes ha::set_up;
    "ha.status" "say how the cluster of this machine stands" looks ha::status;
    "ha.teardown" "take the cluster apart: its nodes become the machines that they were" changes ha::take_apart;
    "ha.test" "break nodes on purpose, measure what clients see of it, and repair them" changes ha::test;
    "library.methods" "list the methods" looks library::methods;
    "monitor.look" "look at all shares once, remember what is seen and tell people" changes monitor::look;
    "monitor.status" "say whether the monitor runs, what it last said and how messages go" looks monitor::status;
    "quota.check" "compare what is configured with what is enforced, and put it right if asked to" changes quota::check;
    "quota.group.report" "show usage and limits of all groups on the file system of a share" looks |asked, request| owner::report(Group, asked, request);
    "quota.group.set" "set limits of a group on the file system of a share" changes |asked, request| owner::set(Group, asked, request);
    "quota.group.show" "show usage and limits of a group on the file system of a share" looks |asked, request| owner::show(Group, asked, request);
    "quota.history" "show the usage of a share over time, and when it will be full" looks quota::history;
    "quota.set" "set the limit of a directory that is no share's" changes quota::set;
    "quota.status" "show usage and limit of one share or of all" looks quota::status;
    "quota.usage" "show usage and limit of a directory" looks quota::usage;
    "quota.user.report" "show usage and limits of all users on the file system of a share" looks |asked, request| owner::report(User, asked, request);
    "quota.user.set" "set limits of a user on the file system of a share" changes |asked, request| owner::set(User, asked, request);
    "quota.user.show" "show usage and limits of a user on the file system of a share" looks |asked, request| owner::show(User, asked, request);
    "share.auth" "change whom of its users a share lets in" changes share::auth;
    "share.check" "check whether the machine is ready, and whether a share could be made" looks share::check;
    "share.create" "make a share" changes share::create;
    "share.delete" "take a share away" changes share::delete;
    "share.list" "list the shares" looks share::list;
    "share.recover" "finish or undo what was interrupted" changes share::recover;
    "share.resize" "give a share another quota" changes share::resize;
    "share.status" "look at a share: usage, limit, and whether it answers" looks share::status;
    "template.build" "build a disk for virtual machines from the packages of Debian" changes template::build;
    "template.delete" "delete a template that no disk is a layer over" changes template::delete;
    "template.fetch" "make a template of an image whose checksum is known" changes template::fetch;
    "template.list" "list the templates" looks template::list;
    "template.show" "show a template" looks template::show;
    "template.validate" "look a template over, and start a machine from it if asked to" looks template::validate;
    "vm.check" "check whether a share could be made in a virtual machine of its own" looks vm::check;
    "vm.create" "make a share in a virtual machine of its own" changes vm::create;
    "vm.list" "list the virtual machines that were made for shares" looks vm::list;
    "vm.recover" "finish or undo what was interrupted of virtual machines" changes vm::recover;
    "vm.remove" "take a virtual machine away with its share and all its data" changes vm::remove;
    "vm.resize" "change the quota of a share in a virtual machine" changes vm::resize;
    "vm.restart" "shut a virtual machine down and start it" changes vm::restart;
    "vm.start" "start a virtual machine" changes vm::start;
    "vm.status" "say how a virtual machine and its share stand" looks vm::status;
    "vm.stop" "shut a virtual machine down" changes vm::stop;
};
