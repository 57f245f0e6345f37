//! Every reason this crate gives, with its usual cause and what to do about it.
//!
//! The table in `docs/high-availability.md` is made of [`Code::ALL`], and a test compares the two.

smbgw_core::codes! {
    /// A reason: why something about a cluster failed, or is not as it should be.
    pub enum Code("ha"):
    /// The name of a node is malformed.
    NameInvalid: "ha.name-invalid",
        "The name of a node is empty, too long, or has a character that the name of a host cannot have.",
        "Give the name that `hostname` prints on the node, such as `pve1`.";
    /// A file of a cluster cannot be read as ctdb reads it.
    FileMalformed: "ha.file-malformed",
        "A line of a file in /etc/ctdb is not what ctdb expects there.",
        "Put the line that the message names right, on all nodes.";
    /// An address is in a file twice.
    FileAddressTwice: "ha.file-address-twice",
        "Two lines of `nodes` or `public_addresses` have the same address.",
        "Take the second one out; in `nodes`, comment it out, as the lines after it would change their numbers.";
    /// A node is there already.
    NodeIsThere: "ha.node-is-there",
        "The cluster has a node with that address.",
        "Give another address.";
    /// A node is not there.
    NoNode: "ha.no-node",
        "The cluster has no node of that name or number.",
        "Give a node that `pve-smbgateway ha-status` shows.";
    /// A node was taken away before.
    NodeIsGone: "ha.node-is-gone",
        "The node with that number was removed from the cluster.",
        "Give a node that `pve-smbgateway ha-status` shows.";
    /// The last node would be taken away.
    LastNode: "ha.last-node",
        "A cluster without nodes serves nobody.",
        "Add another node first, or take the cluster apart.";
    /// A value of `ctdb.conf` is not one that ctdb takes.
    SettingInvalid: "ha.setting-invalid",
        "A value of ctdb.conf is out of its range or of another kind.",
        "Give a value of the kind in the message; ctdb.conf(5) has all of them.";
    /// The name of an option of event scripts is malformed.
    OptionInvalid: "ha.option-invalid",
        "The name of an option of event scripts is no name of a shell variable.",
        "Give a name of letters, digits and underscores.";
    /// No node can have addresses.
    NoActiveNode: "ha.no-active-node",
        "All nodes are disconnected, stopped or banned.",
        "Bring a node back with `ctdb continue` or by starting its ctdbd.";
    /// Two addresses cannot be told apart by ctdb.
    AddressesAlike: "ha.addresses-alike",
        "ctdb looks at a part of an IPv6 address only when it places them, and the two are alike there.",
        "Give another address.";
    /// An address is malformed.
    AddressMalformed: "ha.address-malformed",
        "An address is not written as 10.0.0.100/24%eth0, or a pool not as 10.0.0.100-10.0.0.120/24%eth0.",
        "Write it like that; the interface may be left out.";
    /// The name of an interface is malformed.
    InterfaceMalformed: "ha.interface-malformed",
        "The name of a network interface is empty, too long, or has a character that it cannot have.",
        "Give an interface that `ip link` shows on every node.";
    /// An interface is not there.
    NoInterface: "ha.no-interface",
        "A node has no network interface of that name.",
        "Give an interface that `ip link` shows on every node.";
    /// An address cannot be one of a server.
    AddressNotOfAHost: "ha.address-not-of-a-host",
        "The address is that of a network, of a broadcast, of one machine itself, or of a group.",
        "Give an address that a server of this network can have.";
    /// The ends of a pool are not in order.
    PoolMalformed: "ha.pool-malformed",
        "The last address of a pool is before the first, or of another network.",
        "Give the lowest address first, and both of one network.";
    /// An address is in no network of the nodes.
    AddressOutsideNetwork: "ha.address-outside-network",
        "The interface has no address of that network, so nobody would reach the address there.",
        "Give an address of one of the networks of the interface, or another interface.";
    /// An address has another prefix than its network.
    AddressOtherPrefix: "ha.address-other-prefix",
        "The network of the interface has another length than was given with the address.",
        "Give the length that `ip address` shows on the nodes.";
    /// An address is a node's own.
    AddressOfANode: "ha.address-of-a-node",
        "A node has the address for itself; it cannot move.",
        "Give an address that moves between nodes beside those they have.";
    /// An address is in the range of a DHCP server.
    AddressInDhcpRange: "ha.address-in-dhcp-range",
        "A DHCP server may give the address to another machine.",
        "Give an address outside of the range, or take it out of the range.";
    /// An address is given twice.
    AddressTwice: "ha.address-twice",
        "The same address is in a request twice.",
        "Give it once.";
    /// A pool has no free address.
    PoolExhausted: "ha.pool-exhausted",
        "All addresses of the pool are in use or cannot be used.",
        "Make the pool larger.";
    /// ctdbd does not run.
    DaemonNotRunning: "ha.daemon-not-running",
        "ctdbd was stopped, has ended by itself, or was never started on the node.",
        "Start it with `systemctl start ctdb` on that node; its log says why it ended.";
    /// A cluster lock is malformed.
    LockMalformed: "ha.lock-malformed",
        "The lock is neither a file, nor one of Ceph or etcd, nor a command.",
        "Give the path of a file in the shared folder, rados:CLUSTER/USER/POOL/OBJECT, etcd, or `!` and a program.";
    /// More than one node has no cluster lock.
    LockMissing: "ha.lock-missing",
        "A cluster of several nodes has no cluster lock, so two parts of it could serve at once.",
        "Give `--lock`, or leave it out to have a file in the shared folder.";
    /// The lock is on a filesystem of one machine.
    LockLocal: "ha.lock-local",
        "The file of the cluster lock is on a filesystem that one machine alone can use, such as ext4.",
        "Put it on the cluster filesystem that all nodes have mounted.";
    /// Two nodes have the lock at once.
    LockNotShared: "ha.lock-not-shared",
        "The file of the lock is another one on each node, locks are kept to each machine, or the given program takes no lock.",
        "Mount the same filesystem on all nodes, with locks that hold between them; have the program keep others out.";
    /// Somebody else has the lock.
    LockHeld: "ha.lock-held",
        "Another cluster uses the same lock.",
        "Give each cluster a lock of its own.";
    /// The lock cannot be taken.
    LockFailed: "ha.lock-failed",
        "The program that takes the lock is not installed, or what it asks does not answer.",
        "Do what its message says; run the program by hand on that node, which prints 0 where it has the lock.";
    /// There is no cluster to adopt.
    NothingToAdopt: "ha.nothing-to-adopt",
        "ctdb is installed on the node, and no `nodes` file says which nodes its cluster has.",
        "Set a cluster up with `pve-smbgateway ha-setup`.";
    /// Nodes of one cluster have different settings.
    NodesDiffer: "ha.nodes-differ",
        "A file was changed on some nodes and not on others.",
        "Make the file the same on all nodes, and restart ctdb on those where it was another one, one after the other.";
    /// What is asked for is not known from the files of a cluster.
    NotInFiles: "ha.not-in-files",
        "The files of a cluster do not say all that has to be known of it.",
        "Say what the message asks for.";
    /// A node is given twice.
    NodeTwice: "ha.node-twice",
        "Two nodes of a request have the same name or the same private address.",
        "Give each node once.";
    /// Commands on a node may not do what ctdb has to.
    NotAllowed: "ha.not-allowed",
        "Commands run as somebody else than root, or in a container that does not let root do it.",
        "Reach the node as root; use a privileged container.";
    /// Versions differ.
    VersionsDiffer: "ha.versions-differ",
        "Nodes have packages of different versions, and those do not work together.",
        "Upgrade all nodes to the same version of the packages `samba` and `ctdb`.";
    /// A node does not have its private address.
    NoPrivateAddress: "ha.no-private-address",
        "The private address that was given for a node is another machine's, or its interface is down.",
        "Give an address that `ip address` shows on the node, and that is none of those which move.";
    /// A port is taken.
    PortTaken: "ha.port-taken",
        "Another program than ctdbd listens on port 4379, or another than smbd on port 445.",
        "Stop that program, or have it listen on another port.";
    /// A node is not reached from another.
    NoWayBetweenNodes: "ha.no-way-between-nodes",
        "A firewall is between two nodes, a cable or route is missing, or a private address is wrong.",
        "Let all nodes reach each other by TCP port 4379, in both directions.";
    /// Clocks differ.
    ClocksDiffer: "ha.clocks-differ",
        "A node does not set its clock by a time server.",
        "Have all nodes set their clocks by the same time servers, for example with chrony.";
    /// The shared folder is not there.
    NoSharedFolder: "ha.no-shared-folder",
        "The cluster filesystem is not mounted on a node, or the folder was not made.",
        "Mount it, and make the folder.";
    /// The shared folder cannot be written to.
    SharedFolderReadOnly: "ha.shared-folder-read-only",
        "The cluster filesystem is mounted read-only on a node.",
        "Mount it for writing.";
    /// The shared folder is another one on some node.
    SharedFolderDiffers: "ha.shared-folder-differs",
        "On some node the cluster filesystem is not mounted, or another one is.",
        "Mount the same filesystem at the same path on all nodes.";
    /// The shared folder is on a filesystem of one machine.
    SharedFolderLocal: "ha.shared-folder-local",
        "The folder is on a filesystem that one machine alone can use; two that mount it destroy it.",
        "Use a cluster filesystem: CephFS, GlusterFS, GFS2, OCFS2, or NFS with locks.";
    /// Locks or data in the shared folder do not hold between nodes.
    SharedFolderIncoherent: "ha.shared-folder-incoherent",
        "The filesystem keeps locks or recent data to each machine, as some do unless they are mounted otherwise.",
        "Have locks by fcntl, and data that they protect, hold between nodes: the documentation of the filesystem says how.";
    /// What happened cannot be written down.
    EventsUnwritable: "ha.events-unwritable",
        "The disk is full, or /var/lib/smbgw cannot be written.",
        "See with `df /var/lib/smbgw` and `ls -l /var/lib/smbgw` why; what happened meanwhile is in ctdb's own log.";
    /// A failover time is malformed.
    ObjectiveMalformed: "ha.objective-malformed",
        "A failover time is not written as 10s, 1m or 12500ms.",
        "Write it like that.";
    /// A failover time is too short.
    ObjectiveTooShort: "ha.objective-too-short",
        "With settings that quick no leader stays one, or a node that is busy is taken for a lost one.",
        "Ask for the time in the message, or more.";
    /// A failover time is too long.
    ObjectiveTooLong: "ha.objective-too-long",
        "ctdb is quicker than that with its own settings.",
        "Ask for the time in the message, or less.";
    /// A line of tunables is malformed.
    TunableMalformed: "ha.tunable-malformed",
        "A line of ctdb.tunables is not a name, `=` and a number, without anything after it.",
        "Write `NAME=NUMBER` on lines of their own; ctdb-tunables(7) has all of them.";
    /// ctdbd does not answer.
    DaemonSilent: "ha.daemon-silent",
        "ctdbd on the node hangs or is stopped, or its machine or disk is overloaded.",
        "Look at the load and the ctdb log of the node; where ctdbd hangs, end it with `kill -9` and start it again.";
    /// ctdbd refuses to answer.
    DaemonRefused: "ha.daemon-refused",
        "ctdbd starts or ends, or the node that was asked about has just gone.",
        "Ask again in some seconds; the ctdb log of the node says more.";
    /// ctdbd is not understood.
    DaemonNotUnderstood: "ha.daemon-not-understood",
        "ctdbd is of a version that is not known here, or its socket is not reached.",
        "The `ctdb` command is asked instead where there is one; see that `ctdb version` works on the node.";
    /// No node of a cluster answers.
    NobodyAnswers: "ha.nobody-answers",
        "ctdbd runs on none of the nodes, or none of them is reached from here.",
        "See on a node with `systemctl status ctdb` what became of it.";
    /// A node is not heard by the others.
    NodeDisconnected: "ha.node-disconnected",
        "The node is off, its ctdbd does not run or hangs, or the private network is interrupted.",
        "Start the node, or `systemctl start ctdb` on it; look at its private network with `ping` from another node.";
    /// A node is banned.
    NodeBanned: "ha.node-banned",
        "The node disturbed recoveries again and again, could not take the cluster lock, or an administrator banned it.",
        "Its ctdb log says why; the ban ends by itself, or with `ctdb unban` on the node.";
    /// A node is stopped.
    NodeStopped: "ha.node-stopped",
        "An administrator stopped the node, or ctdbd started as `start as stopped` of ctdb.conf says.",
        "Take it in again with `ctdb continue` on it.";
    /// A node is disabled.
    NodeDisabled: "ha.node-disabled",
        "An administrator disabled the node, or ctdbd started as `start as disabled` of ctdb.conf says.",
        "Have it serve again with `ctdb enable` on it.";
    /// A node is unhealthy.
    NodeUnhealthy: "ha.node-unhealthy",
        "An event script of the node says that something it watches does not work.",
        "Repair what the script says; `ctdb event status legacy monitor` on the node has all of it.";
    /// A node is not ready.
    NodeNotReady: "ha.node-not-ready",
        "ctdbd on the node starts or ends.",
        "Wait a minute; where it stays like that, its ctdb log says what it waits for.";
    /// A node could not be looked at.
    NodeUnseen: "ha.node-unseen",
        "The node takes part in the cluster, but it could not be asked from here.",
        "Repair the way to the node that the message names.";
    /// There is no leader.
    NoLeader: "ha.no-leader",
        "No node can be elected: none has the capability, none can take the cluster lock, or its holder hangs.",
        "Look for `lock` in the ctdb logs of all nodes; where a node hangs, end it.";
    /// The cluster is in recovery.
    InRecovery: "ha.in-recovery",
        "A node came or went, and the databases are made the same on all nodes.",
        "Wait some seconds; where it does not end, the log of the leader says which node holds it up.";
    /// Most nodes are not heard.
    Minority: "ha.minority",
        "The node that was asked is cut off from most others.",
        "Look at its private network, and at the nodes that it does not hear.";
    /// There is no cluster lock.
    NoClusterLock: "ha.no-cluster-lock",
        "`cluster lock` is not set in ctdb.conf.",
        "Set one on all nodes, and restart ctdb on them.";
    /// A database is damaged.
    DatabaseDamaged: "ha.database-damaged",
        "A file in /var/lib/ctdb was damaged, by a full or failing disk in most cases.",
        "Restore it with `ctdb restoredb` from a backup, or stop ctdb on that node, move the file away, and start it again.";
    /// An address is on no node.
    AddressNowhere: "ha.address-nowhere",
        "No healthy node has the address in its `public_addresses` and a working interface for it.",
        "Bring a node back that can have it, or look at the interfaces of those that are there.";
    /// An address is on two nodes.
    AddressOnTwoNodes: "ha.address-on-two-nodes",
        "Two parts of the cluster do not hear each other and both serve, or a ctdbd died and left the address on its interface.",
        "End ctdb on the node that should not have it, and take the address away there with `ip address delete`.";
    /// An address was left on an interface.
    AddressLeftBehind: "ha.address-left-behind",
        "A ctdbd died, and nobody took the address off the interface.",
        "Start ctdb on the node, or take the address away there with `ip address delete`.";
    /// An address can be on one node only.
    AddressCannotMove: "ha.address-cannot-move",
        "Only one node that answers has the address in its `public_addresses`.",
        "Add it on the other nodes, and run `ctdb reloadips`.";
    /// There is no record of a cluster.
    NoCluster: "ha.no-cluster",
        "The machine is no node of a cluster, or of one that this program neither set up nor adopted.",
        "Set a cluster up with `pve-smbgateway ha-setup`, take one over with `ha-adopt`, or work on a node of one.";
    /// Nodes cannot be reached.
    NodeUnreached: "ha.node-unreached",
        "A node is switched off, or the way to it that was given is not right.",
        "Try the way by hand, such as `ssh root@NODE true`, and give another one with `--reach NODE=WAY`.";
    /// Somebody has an address who should not.
    AddressHeld: "ha.address-held",
        "Another machine uses the address, or is about to.",
        "Find the machine by the address of its network adapter and give it another address, or take another one here.";
    /// It is not known whether an address is free.
    AddressNotChecked: "ha.address-not-checked",
        "The interface has no link, the node cannot be reached, or it has no `pve-smbgateway` that could ask.",
        "Put right what the message names, and look again; do not take the address for free.";
    /// A request cannot be met as it is.
    RequestInvalid: "ha.request-invalid",
        "A part of the request is malformed, or contradicts another one.",
        "Change what the message names.";
    /// A machine is a node already.
    AlreadyClustered: "ha.already-clustered",
        "The machine is a node of a cluster, of ours or of somebody else's.",
        "Take it out of that cluster first, or adopt the cluster with `pve-smbgateway ha-adopt`.";
    /// Databases of a former cluster are there.
    DatabasesLeft: "ha.databases-left",
        "A former cluster has left users, secrets and shares on the machine, which a new one would take for its own.",
        "Move the files in /var/lib/ctdb/persistent away, or ask for them to be kept.";
    /// Nodes have different shares.
    SharesDiffer: "ha.shares-differ",
        "A share is in the files of one node and not in those of another, so clients would find it by chance.",
        "Have the share in smb.conf of all nodes, or of none and in the registry of the cluster.";
    /// Samba's settings speak against a cluster.
    SambaSettings: "ha.samba-settings",
        "A setting in smb.conf has Samba read something else than a node needs.",
        "Look in /etc/samba/smb.conf for a line that sets it behind the one that includes smbgw-cluster.conf.";
    /// Nodes did not become healthy in time.
    NotHealthyInTime: "ha.not-healthy-in-time",
        "An event script fails on a node, nodes do not reach each other, or the cluster lock cannot be taken.",
        "Look at what the message says of each node, and in the log of ctdb there.";
    /// A service did not start or end.
    ServiceStuck: "ha.service-stuck",
        "A daemon ended right after its start, or hangs.",
        "Look in its log on that node.";
    /// An operation was interrupted.
    Interrupted: "ha.interrupted",
        "The program was killed in the middle of an operation, or a node was not reached while it was undone.",
        "Run `pve-smbgateway ha-recover` when all nodes are reached, or with the lost ones given up.";
    /// What a node was like is not known.
    NoWayBack: "ha.no-way-back",
        "The cluster was not set up by this program, so it does not know what was before.",
        "Stop ctdb and change the files on that node by hand.";
    /// An event script does not end in time.
    ScriptTimedOut: "ha.script-timed-out",
        "A service hangs, or the node is too busy; ctdb kills the script and takes the node for unhealthy.",
        "See on that node what the script waits for (`ctdb event status legacy monitor`), or raise EventScriptTimeout.";
    /// Something is well and unwell by turns.
    Flapping: "ha.flapping",
        "A network that comes and goes, a service that is started again and again, or a node at its limits.",
        "See with `pve-smbgateway ha-events` what changes, and disable the node with `ctdb disable` until it is found out.";
    /// SMB is not served by a public address.
    AddressNotServed: "ha.address-not-served",
        "smbd does not run or does not answer on the node that has the address, or the network between is broken.",
        "See with `pve-smbgateway ha-status` which node has the address, and with `systemctl status smbd` there what smbd does.";
    /// A cluster recovers too often.
    TooManyRecoveries: "ha.too-many-recoveries",
        "Nodes lose each other or the cluster lock for moments: the private network drops packets, or a node or the shared filesystem is too slow.",
        "See with `pve-smbgateway ha-events` which node they are about, and look at its network and at the lock.";
    /// A node does not know of connections it might take over.
    TicklesMissing: "ha.tickles-missing",
        "Nodes tell each other of connections every TickleUpdateInterval seconds, and one did not.",
        "See whether it goes away by itself; otherwise start ctdb again on that node.";
    /// A cluster, or a node of it, cannot be looked at.
    ClusterUnseen: "ha.cluster-unseen",
        "ctdbd does not run or does not answer, or the way to the node is closed.",
        "Start ctdb with `systemctl start ctdb`, and see whether `ssh root@NODE` works from here.";
    /// There is no such way of breaking a node.
    NoScenario: "ha.no-scenario",
        "A drill is asked to break a node in a way that it does not know.",
        "Give disable, kill, hang, cut or poweroff-sim.";
    /// A drill is refused.
    DrillRefused: "ha.drill-refused",
        "The request, or the cluster, is not fit for a drill.",
        "Put right what the messages name.";
    /// A drill was interrupted.
    DrillInterrupted: "ha.drill-interrupted",
        "The program was killed while a node was broken on purpose.",
        "Run `pve-smbgateway ha-recover`; it repairs the node.";
    /// The cluster is not healthy enough for a drill.
    DrillNotHealthy: "ha.drill-not-healthy",
        "A node is not healthy, or an address is on no node, before anything is broken.",
        "Repair that first; `pve-smbgateway ha-status` says what is wrong.";
    /// The address is none that can be drilled with these nodes.
    DrillNoAddress: "ha.drill-no-address",
        "The address is no public address of the cluster, or not of the node.",
        "Give an address that `ctdb ip all` shows, and nodes that have it in `public_addresses`.";
    /// No other node can take the address over.
    DrillLastNode: "ha.drill-last-node",
        "No other healthy node has the address in its `public_addresses`.",
        "Add a node, or bring another one back first.";
    /// The leader is not drilled in this way.
    DrillLeader: "ha.drill-leader",
        "A leader that is cut off keeps the cluster lock, and so does one that hangs where nothing lets go of it.",
        "Name a node that does not lead; `ctdb leader` says which one does.";
    /// A node without a cluster lock is not cut off.
    DrillNoLock: "ha.drill-no-lock",
        "Without a cluster lock both parts of a cluster that is cut in two serve the same files.",
        "Set a cluster lock up first.";
    /// The drill's client is on the node that is to be broken.
    DrillOnNode: "ha.drill-on-node",
        "The drill runs on a node that it is to break, or that has the address.",
        "Run it on another machine, or on a node that is not named and does not have the address.";
    /// Others use the address.
    DrillProduction: "ha.drill-production",
        "The address is one of a cluster that is in use, or clients are connected to it.",
        "Do it when they can bear an interruption, and say `--yes`.";
    /// An address is not where ctdb believes it is.
    AddressMissing: "ha.address-missing",
        "Somebody took the address away from the interface, or the interface was set up anew, and ctdb did not notice.",
        "Have ctdb put it there again with `ctdb ipreallocate`, and see that nothing else changes addresses of that interface.";
    /// The cluster has no such address.
    NoAddress: "ha.no-address",
        "The address is in no `public_addresses` of a node that answers.",
        "Give an address that `pve-smbgateway ha-status` shows.";
    /// A node can have no addresses now.
    NodeNotServing: "ha.node-not-serving",
        "The node is disabled, stopped, banned, unhealthy, or not heard.",
        "See with `pve-smbgateway ha-status` why, put that right, and take the node in with `ha-resume`; lift a ban with `ctdb unban`.";
    /// A node cannot have an address.
    NodeCannotHave: "ha.node-cannot-have-address",
        "The address is not in the `public_addresses` of the node, or its interface there has no link.",
        "Choose another node, or add the address there and run `ctdb reloadips`.";
    /// Addresses are not where they were to be.
    NotMoved: "ha.not-moved",
        "ctdb was busy with a recovery or with another move, or an event script failed.",
        "Try again in half a minute; the log of ctdb on the leader says what it did.";
    /// Nobody else can have the addresses of a node.
    NowhereElse: "ha.nowhere-else",
        "No other healthy node has the addresses in its `public_addresses`.",
        "Bring another node back first, or add the addresses on one and run `ctdb reloadips`.";
    /// An address is kept for somebody.
    AddressKept: "ha.address-kept",
        "The address is kept for another share, or the share has another one already.",
        "Give an address that nobody keeps, or give the former one back first.";
    /// There is nothing to take an address from.
    NoPool: "ha.no-pool",
        "The cluster was set up without a pool, and all of its addresses are kept for shares.",
        "Give an address, or a pool such as 10.0.0.100-10.0.0.120/24%eth0.";
    /// Too few nodes are reached.
    TooFewNodes: "ha.too-few-nodes",
        "Half of the nodes or more are not reached, and others may keep the same address there.",
        "Bring nodes back, or run the command where more of them are reached.";
}
