//! Every reason this crate gives, with its usual cause and what to do about it.
//!
//! The table in `docs/virtual-machines.md` is made of [`Code::ALL`], and a test compares the two.

smbgw_core::codes! {
    /// A reason: why something about a virtual machine failed, or is not as it should be.
    pub enum Code("vm"):
    /// The XML of a machine of libvirt's cannot be understood.
    DomainXmlInvalid: "vm.domain-xml-invalid",
        "The XML of a virtual machine is broken, or not what libvirt writes.",
        "Look at `virsh dumpxml NAME`; if the machine was edited by hand, define it anew.";
    /// A machine of libvirt's cannot be as it is asked for.
    DomainSpecInvalid: "vm.domain-spec-invalid",
        "A name, size, address or path of a virtual machine is not one that libvirt or QEMU takes.",
        "Give what the message asks for.";
    /// A machine of libvirt's has no such disk.
    DomainDiskMissing: "vm.domain-disk-missing",
        "A disk was named that the virtual machine does not have.",
        "Name one that `virsh domblklist NAME` shows.";
    /// A machine of libvirt's cannot be changed so without its administrator.
    DomainNotEditable: "vm.domain-not-editable",
        "The virtual machine has settings of its administrator's that depend on the one to be changed.",
        "Change both by `virsh edit NAME`.";
    /// Something of libvirt's has a name that cannot be used.
    LibvirtNameInvalid: "vm.libvirt-name-invalid",
        "A name could be taken for a number, UUID, path or option by `virsh`.",
        "Give it a name with a letter, without `/`, and with no `-` at its beginning.";
    /// libvirt does not answer.
    LibvirtUnreachable: "vm.libvirt-unreachable",
        "libvirtd does not run, or lets nobody in.",
        "Run `systemctl start libvirtd`, and `virsh list` to see whether it answers.";
    /// libvirt has no such thing.
    LibvirtMissing: "vm.libvirt-missing",
        "A virtual machine, pool, volume, network or bridge was named that is not there.",
        "Name one that `virsh list --all`, `pool-list --all`, `vol-list POOL`, `net-list --all` or `ip link` shows.";
    /// libvirt has one of that name already.
    LibvirtExists: "vm.libvirt-exists",
        "A name or address is taken.",
        "Choose another, or remove what has it.";
    /// Something of libvirt's is not running.
    LibvirtNotRunning: "vm.libvirt-not-running",
        "A virtual machine, pool or network has to run for this and does not.",
        "Start it with `virsh start`, `pool-start` or `net-start`.";
    /// Something of libvirt's runs.
    LibvirtRunning: "vm.libvirt-running",
        "A virtual machine may not run for this and does.",
        "Shut it down with `virsh shutdown NAME` first.";
    /// A machine of libvirt cannot run such a guest.
    LibvirtUnable: "vm.libvirt-unable",
        "The machine of libvirt has another or older QEMU.",
        "Choose a machine type that `virsh capabilities` shows.";
    /// A machine of libvirt has no room.
    LibvirtNoSpace: "vm.libvirt-no-space",
        "The memory or a pool of the machine of libvirt is used up.",
        "Ask for less, take another pool, or shut down or remove what is not needed.";
    /// libvirt still works on something.
    LibvirtBusy: "vm.libvirt-busy",
        "libvirt still makes, fills or copies it, perhaps for a command that was interrupted.",
        "Wait until that is over, and try again.";
    /// A pool cannot have what it is to have.
    PoolUnfit: "vm.pool-unfit",
        "Guests have their disks as files, and the pool has volumes of another kind.",
        "Choose a pool of the kind dir, fs or netfs.";
    /// Nobody answers in a guest.
    LibvirtAgentSilent: "vm.libvirt-agent-silent",
        "The guest still starts, has no `qemu-guest-agent`, or has no channel for it.",
        "Look at its console; in the guest run `systemctl status qemu-guest-agent`.";
    /// The agent of a guest refused.
    LibvirtAgentRefused: "vm.libvirt-agent-refused",
        "The guest agent does not know the command, is forbidden it, or failed at it.",
        "Look at the settings of `qemu-guest-agent` in the guest.";
    /// A machine of libvirt's is not the one that was made.
    LibvirtNotOurs: "vm.libvirt-not-ours",
        "Another virtual machine has the name of the one that was made.",
        "Look at it with `virsh dumpxml NAME`; it was left alone.";
    /// How a guest gets its address is malformed, or no guest can have that address.
    AddressInvalid: "vm.address-invalid",
        "An address is malformed, is the network's own or that of all its machines, or its gateway is in another network.",
        "Give `dhcp`, or an address like `192.0.2.10/24,gw=192.0.2.1`.";
    /// What a guest's agent says makes no sense.
    AgentGarbled: "vm.agent-garbled",
        "What answers in the guest is not QEMU's guest agent, or the guest is damaged or lies.",
        "Look at the guest's console; do not trust what it says.";
    /// A guest's agent does not do what it is asked.
    AgentRefused: "vm.agent-refused",
        "The guest agent is too old for the command, is told not to carry it out, or cannot.",
        "Look at `qemu-ga --dump-conf` in the guest, which shows what is blocked.";
    /// More is to be handed over by a guest's agent than it carries.
    AgentTooMuch: "vm.agent-too-much",
        "A file, an input or what a program writes is larger than what a guest agent carries.",
        "Hand large data over by a disk or by the network.";
    /// There is no way to a guest's agent.
    AgentUnreachable: "vm.agent-unreachable",
        "The virtual machine does not run, has no socket for its agent, or another program is connected to it.",
        "Start the virtual machine, and end what else talks with its agent.";
    /// cloud-init would not take a document.
    DocumentRefused: "vm.document-refused",
        "What the guest is to be told has a setting that its cloud-init does not know or understand, or contradicts itself.",
        "Correct the setting, or use a template with a cloud-init that has it.";
    /// A program failed in a guest.
    GuestProgramFailed: "vm.guest-program-failed",
        "A program that was run in the guest is missing there, failed, or took too long.",
        "Look at what it said, and run it in the guest's console.";
    /// Something that a guest is to be told cannot be said.
    GuestSettingInvalid: "vm.guest-setting-invalid",
        "A name, path, key, label or command for a guest has characters or a length that it cannot have.",
        "Give it in the form that the message names.";
    /// The schema by which documents are checked is not there.
    SchemaMissing: "vm.schema-missing",
        "The template was made without a copy of the schemas that its cloud-init comes with.",
        "Build the template again.";
    /// The schema by which documents are checked is not understood.
    SchemaNotUnderstood: "vm.schema-not-understood",
        "The cloud-init of the template is newer than this program, or the copy of its schema is damaged.",
        "Build the template again, or use a newer version of this program.";
    /// A document for the guest is too large for the image that brings it there.
    SeedTooLarge: "vm.seed-too-large",
        "A file that the guest is to get when it boots for the first time is too large.",
        "Hand large files over when the guest runs.";
    /// The number of a guest is malformed.
    VmidInvalid: "vm.vmid-invalid",
        "The number of a guest is no number, or not one that Proxmox VE gives to guests.",
        "Give a number from 100 to 999999999.";
    /// The path of an image cannot be used.
    ImagePath: "vm.image-path",
        "A path of an image is relative, so that a part of it could be taken for a protocol or an option.",
        "Give an absolute path.";
    /// An image is not in the format it should have.
    ImageFormat: "vm.image-format",
        "The file is no qcow2 image, was cut short, or is damaged.",
        "Get or build the image again; `qemu-img info -f qcow2 FILE` says more.";
    /// An image is made of other files than expected.
    ImageBacking: "vm.image-backing",
        "The image is a layer over another one than it should be: it was moved, rebased, or comes from somebody who wanted another file to be read.",
        "Do not use the image; get or build it again, or have `qemu-img convert` write a whole one where you trust it.";
    /// An image uses something that is not supported.
    ImageForeign: "vm.image-foreign",
        "The image keeps its content in another file or is encrypted.",
        "Have `qemu-img convert -O qcow2` write a plain image where you trust it.";
    /// A disk cannot be made smaller.
    ImageWouldShrink: "vm.image-would-shrink",
        "The size asked for is below that of the disk, and what is at its end would be lost.",
        "Give a size that is not below that of the template or disk.";
    /// The name of a template is malformed.
    TemplateName: "vm.template-name",
        "The name of a template has a sign that is not allowed, or is empty or too long.",
        "Give 1 to 63 small letters, digits, `-` and `.`, a letter or digit first and last.";
    /// A template cannot be made as asked.
    TemplateRefused: "vm.template-refused",
        "The request is wrong, or the machine lacks what building a template needs.",
        "Put right what the problems name; nothing was touched.";
    /// A template of the name is there.
    TemplateExists: "vm.template-exists",
        "There is a template of that name already.",
        "Give another name, or delete the template first.";
    /// There is no such template.
    TemplateNotFound: "vm.template-not-found",
        "There is no template of that name: it was deleted, or never made on this machine.",
        "List the templates, or build one.";
    /// A template is in use.
    TemplateInUse: "vm.template-in-use",
        "Disks of virtual machines are layers over the disk of the template and would be lost.",
        "Delete those machines first, or give them whole copies of their disks.";
    /// The record of a template cannot be used.
    TemplateRecord: "vm.template-record",
        "The record beside the disk was changed, is damaged, or comes from a newer program.",
        "Take the newer program, or delete the template and build it again.";
    /// A new system lacks something.
    TemplateIncomplete: "vm.template-incomplete",
        "A package of the release is other than expected, so that the new system could not start.",
        "Look whether the mirror is that of the release, and build without packages of your own.";
    /// The boot loader is of another form.
    TemplateBootLoader: "vm.template-boot-loader",
        "The installed GRUB is other than the one that is known.",
        "Install `grub-common`, `grub-pc-bin` and `grub-efi-amd64-bin` of Debian, all of one version.";
    /// The size of a template cannot be.
    TemplateSize: "vm.template-size",
        "The disk would be too small for its packages, too large, or no whole number of mebibytes.",
        "Give a size such as 4G; disks over the template can be larger.";
    /// A name is not that of a package.
    TemplatePackage: "vm.template-package",
        "A name in the list of packages is not one that a Debian package can have.",
        "Give names of packages, one at a time, without versions.";
    /// A tag is malformed.
    TemplateTag: "vm.template-tag",
        "A tag has a sign that is not allowed, or is empty or too long.",
        "Give 1 to 63 letters, digits, `-`, `_` and `.`.";
    /// Templates are not made of such a release.
    TemplateDistro: "vm.template-distro",
        "Templates are made of Debian 12 and 13 alone.",
        "Give bookworm or trixie.";
    /// The address of an archive is malformed.
    TemplateMirror: "vm.template-mirror",
        "The address of the archive has another scheme than http, https or file, or a space in it.",
        "Give an address such as http://deb.debian.org/debian.";
    /// The machine cannot build templates.
    TemplateTools: "vm.template-tools",
        "Parts of the boot loader are not installed, or the machine is of another architecture.",
        "Install `grub-pc-bin` and `grub-efi-amd64-bin`, or build on another machine.";
    /// There is no room for a template.
    TemplateRoom: "vm.template-room",
        "The file system of the templates has too little free space.",
        "Free some space, or keep the templates elsewhere.";
    /// No machine starts from a template.
    TemplateBoot: "vm.template-boot",
        "The boot loader, the kernel, cloud-init or smbd of the template does not work, or the time given was too short for this machine.",
        "Read the end of the console: it says how far it came. Give more time, or build the template again.";
    /// It is not said where an image is.
    TemplateFrom: "vm.template-from",
        "What was given is a relative path, or an address of another kind than http and https.",
        "Give the absolute path of a file, or an address that begins with https://.";
    /// An image has no checksum.
    TemplateNoChecksum: "vm.template-no-checksum",
        "No checksum was given, or not in the form that is expected, so that nobody knows whether the image is the right one.",
        "Give `sha256:` or `sha512:` and the digits that whoever made the image publishes.";
    /// An image is another one.
    TemplateChecksum: "vm.template-checksum",
        "The image was replaced by a newer one, was damaged on the way, or comes from somebody else.",
        "Compare the checksum with the one that whoever made the image publishes, and fetch it again.";
    /// An image could not be fetched.
    TemplateDownload: "vm.template-download",
        "The server cannot be reached, does not have the image, or broke off.",
        "Try again: what has come is kept, and the rest is fetched.";
    /// A template was changed.
    TemplateChanged: "vm.template-changed",
        "The disk was written to after it was made, perhaps by a machine that started from it directly, or its storage is damaged.",
        "Delete the template and build it again; keep the machines over it in mind.";
    /// The image of a template is damaged.
    TemplateDamaged: "vm.template-damaged",
        "The storage is damaged, or was full while the image was copied.",
        "Look at the storage, and build the template again.";
    /// The disk has no Debian.
    TemplateNotDebian: "vm.template-not-debian",
        "The largest partition of the disk has no ext4 file system with a Debian on it.",
        "Take an image of Debian, or build a template.";
    /// The disk lacks something.
    TemplateLacks: "vm.template-lacks",
        "The image was made for something else than serving files in a virtual machine.",
        "Build a template, or put into the image what the check names.";
    /// cloud-init does not ask for what is given.
    TemplateNoCloud: "vm.template-no-cloud",
        "The image was made for one cloud, and its cloud-init looks for documents there alone.",
        "Put NoCloud into `datasource_list` below `/etc/cloud/cloud.cfg.d` of the image, or build a template.";
    /// The disk has what belongs to one machine.
    TemplateIdentity: "vm.template-identity",
        "The image is that of a machine that ran, so that all machines made of it would share keys and addresses.",
        "Build the template again, or run `cloud-init clean --machine-id` and remove the host keys in the image.";
    /// The disk is nearly full.
    TemplateFull: "vm.template-full",
        "The packages leave little room, and a guest writes before it has grown its file system.",
        "Build the template again with a larger size.";
    /// The template is old.
    TemplateOld: "vm.template-old",
        "Updates have come out since, which each new machine would have to fetch.",
        "Build the template again.";
    /// Security updates are out.
    TemplateUpdates: "vm.template-updates",
        "Updates have come out since the template was made.",
        "Build the template again, and update the machines that were made of it.";
    /// The name of something is malformed.
    NameInvalid: "vm.name-invalid",
        "The name of a node, guest, storage, bridge, mapping, snippet, disk or volume is not one that Proxmox VE takes.",
        "Give a name as Proxmox VE shows it, without spaces and commas.";
    /// The machine has no Proxmox VE.
    NoProxmox: "vm.no-proxmox",
        "The programs of Proxmox VE are not installed on that machine.",
        "Name a node of Proxmox VE, or use libvirt.";
    /// There is no such guest.
    GuestMissing: "vm.guest-missing",
        "No virtual machine of that node has that number: it was removed, or lives on another node.",
        "Look for it with `pvesh get /cluster/resources --type vm`.";
    /// The number of a guest is taken.
    VmidTaken: "vm.vmid-taken",
        "Another virtual machine or container of the cluster has that number.",
        "Give another number, or none to have a free one chosen.";
    /// No number was free for long enough.
    NoFreeVmid: "vm.no-free-vmid",
        "Others make guests at the same time, and each number that was free was taken before it was used.",
        "Try again, or give a number.";
    /// An operation holds the guest.
    GuestLocked: "vm.guest-locked",
        "A migration, backup, snapshot or another change of the virtual machine is under way, or was interrupted.",
        "Wait for its task to end; where none runs any more, `qm unlock NUMBER` lifts the lock.";
    /// The guest does not run.
    GuestNotRunning: "vm.guest-not-running",
        "The virtual machine is switched off or crashed.",
        "Start it.";
    /// The guest runs already.
    GuestRunning: "vm.guest-running",
        "The virtual machine is switched on.",
        "Go on with it, or shut it down before.";
    /// The agent in the guest is silent.
    AgentSilent: "vm.agent-silent",
        "The guest is still booting, or qemu-guest-agent is not installed or does not run in it.",
        "Look at the guest's console, and at `systemctl status qemu-guest-agent` in it.";
    /// The guest has no agent.
    NoAgent: "vm.no-agent",
        "The virtual machine has no connection for a guest agent.",
        "Run `qm set NUMBER --agent enabled=1`, and stop and start the virtual machine.";
    /// There is no such storage.
    StorageMissing: "vm.storage-missing",
        "No storage has that name, or it is not for this node.",
        "Choose one that `pvesm status` shows.";
    /// Snippets are not kept on the storage.
    SnippetsDisabled: "vm.snippets-disabled",
        "The storage is not enabled for the content `snippets`, or is of a type that keeps no files.",
        "Enable it with `pvesm set STORAGE --content …,snippets`, or name a storage that has it.";
    /// There is no such mapping.
    MappingMissing: "vm.mapping-missing",
        "No mapping of a directory has that name, or it names no directory on this node.",
        "Make it in the datacenter's directory mappings, for this node, too.";
    /// The storage is full.
    StorageFull: "vm.storage-full",
        "The storage, or the volume group, pool or file system behind it, has no room left.",
        "Free some room, or choose another storage.";
    /// The guest is not ours.
    GuestNotOurs: "vm.guest-not-ours",
        "The virtual machine of that number does not carry the mark of the one that was made: it is another one, or its notes were changed.",
        "Look at it with `qm config NUMBER`; remove it by hand if it is of no use.";
    /// A task failed.
    TaskFailed: "vm.task-failed",
        "Proxmox VE began the operation and could not finish it.",
        "Read the log of the task: it says why.";
    /// A task took too long.
    TaskTimedOut: "vm.task-timed-out",
        "Proxmox VE still worked on the operation when the time was over: the storage is slow, or the operation is large.",
        "Wait for the task to end, and give more time.";
    /// The memory of a guest makes no sense.
    MemoryInvalid: "vm.memory-invalid",
        "The memory asked for is less than a guest boots in, or less than ballooning is to leave it.",
        "Give at least 128 MiB, and a minimum for ballooning that is not above it.";
    /// The node is short of memory.
    MemoryShort: "vm.memory-short",
        "The guests that run on the node, and what is kept for the node itself, leave less memory than asked for.",
        "Give the guest less, stop another one, choose another node, or allow overcommitment in the policy.";
    /// More processors than the node has, or may promise.
    CoresExcessive: "vm.cores-excessive",
        "The guest is to have more processors than the node, or the guests that run have too many together.",
        "Give the guest fewer processors, or allow more of them for one of the node in the policy.";
    /// A storage cannot be used for this.
    StorageUnfit: "vm.storage-unfit",
        "The storage is disabled, cannot be reached, or is not enabled for disks of virtual machines.",
        "Choose another one that `pvesm status --content images` shows as active.";
    /// A storage has too little room.
    StorageRoomShort: "vm.storage-room-short",
        "The storage has less room left than the disks of the guest need.",
        "Free some room, choose another storage, or make the disks smaller.";
    /// The template is not there.
    TemplateMissing: "vm.template-missing",
        "No virtual machine of that node has that number, or it is no template.",
        "Build the template on this node, or name one that is there.";
    /// The template cannot be copied in that way.
    CloneKindUnfit: "vm.clone-kind-unfit",
        "Linked clones are on the storage of their template, which has to have snapshots or qcow2 images.",
        "Choose the storage of the template, or a full clone.";
    /// There is no such bridge.
    BridgeMissing: "vm.bridge-missing",
        "The node has no bridge of that name, or it is down.",
        "Choose one that `pvesh get /nodes/NODE/network --type any_bridge` shows as active.";
    /// The number of a VLAN is wrong.
    VlanInvalid: "vm.vlan-invalid",
        "The number of the VLAN is out of range.",
        "Give a number from 1 to 4094, or none.";
    /// An address belongs to another guest.
    AddressTaken: "vm.address-taken",
        "The configuration of another guest gives it the same address.",
        "Choose another address, or take it away from the other guest.";
    /// Directories cannot be shared with guests.
    VirtiofsMissing: "vm.virtiofs-missing",
        "Proxmox VE shares directories with guests from 8.4 on.",
        "Upgrade the node, or keep the data on a disk of the guest.";
    /// A virtual machine of that name was made already.
    GuestExists: "vm.guest-exists",
        "A virtual machine of that name was made on this node and is still there.",
        "Choose another name, or remove that one.";
    /// No virtual machine of that name was made here.
    GuestUnknown: "vm.guest-unknown",
        "No virtual machine of that name was made on this node, or it was removed.",
        "Look at the records in /var/lib/smbgw/guests.";
    /// A virtual machine is on another node now.
    GuestElsewhere: "vm.guest-elsewhere",
        "The virtual machine was migrated, or high availability started it on another node.",
        "Migrate it back to this node with `qm migrate`, and try again.";
    /// A virtual machine is one of another hypervisor.
    GuestOtherHypervisor: "vm.guest-other-hypervisor",
        "The virtual machine was made with the other one of Proxmox VE and libvirt.",
        "Name the hypervisor that it was made with.";
    /// A new virtual machine cannot be as it is asked for.
    GuestRequestInvalid: "vm.guest-request-invalid",
        "Something that a new virtual machine is to have cannot be.",
        "Give what the message asks for.";
    /// A new guest does not get so far that its agent answers.
    GuestSilent: "vm.guest-silent",
        "The guest hangs while it boots, is slow, or its template has no qemu-guest-agent.",
        "Look at what it wrote to its console; give more time where the node is busy.";
    /// A new guest switched itself off.
    GuestEnded: "vm.guest-ended",
        "The guest crashed, or found no system on its disk that it can start.",
        "Look at what it wrote to its console, and at the template with `pve-smbgateway template validate --boot`.";
    /// A new guest did not do all it was told.
    GuestNotReady: "vm.guest-not-ready",
        "cloud-init of the guest failed, found no documents, or is slow.",
        "Look at the end of its log in the message, and correct what it complains of.";
    /// A new guest does not answer to SMB.
    GuestNoSmb: "vm.guest-no-smb",
        "smbd of the guest did not start, the guest has no address, or a firewall or VLAN is in between.",
        "Look at the end of the log of smbd in the message, and at the bridge, VLAN and address.";
    /// A user of a guest is to have a password, and there is none.
    PasswordMissing: "vm.password-missing",
        "No password was given for a user of the guest.",
        "Give one for each of its users.";
    /// A guest does not take a password.
    PasswordRefused: "vm.password-refused",
        "Samba in the guest does not know the user, or does not take the password.",
        "Look at what it said, and at `passdb backend` and `check password script` in its smb.conf.";
    /// The disk for data is not mounted in the guest.
    GuestNoDataDisk: "vm.guest-no-data-disk",
        "cloud-init of the guest could not format or mount the disk for data, or its kernel has no project quotas.",
        "Look at `findmnt /srv/smbgw`, `lsblk` and /var/log/cloud-init-output.log in the guest.";
    /// The share of a guest does not answer.
    GuestShareSilent: "vm.guest-share-silent",
        "smbd of the guest has not read its configuration, or refuses the users of the share.",
        "Run `testparm -s` and look at /var/log/samba/log.smbd in the guest.";
    /// A guest has no share.
    GuestNoShare: "vm.guest-no-share",
        "The virtual machine was made without a share.",
        "Make another one with a share.";
    /// A guest does not end.
    GuestStillRuns: "vm.guest-still-runs",
        "The guest hangs, or has no agent and does not heed the power button.",
        "Look at its console; have it switched off by force where nothing else helps.";
    /// A guest is not started by high availability.
    GuestStillOff: "vm.guest-still-off",
        "The cluster has no quorum, its resource manager is not running, or the guest failed to start there.",
        "Look at `ha-manager status` and at the log of `pve-ha-lrm`.";
    /// A guest does not see that its disk has grown.
    GuestDiskUnseen: "vm.guest-disk-unseen",
        "The storage cannot grow a disk that is in use, or the guest's kernel did not notice.",
        "Restart the guest, and try again.";
    /// The share of a guest of libvirt cannot get another limit.
    ResizeUnsupported: "vm.resize-unsupported",
        "Only shares in virtual machines of Proxmox VE get another limit.",
        "Grow disk and filesystem by hand, and set the limit in the guest with `setquota -P 1 0 KIB 0 0 /srv/smbgw`.";
    /// A share holds more than it is to be limited to.
    ShareFuller: "vm.share-fuller",
        "The share holds more than the new quota.",
        "Delete something, give a larger quota, or say that it may be fuller: clients can read and delete then.";
    /// An operation was interrupted.
    Interrupted: "vm.interrupted",
        "The program was killed or the node lost power while a virtual machine was made or removed.",
        "What is left is undone or finished by recovering, or before the next operation on that guest.";
}
