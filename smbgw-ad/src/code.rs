//! Every reason this crate gives, with its usual cause and what to do about it.
//!
//! The table in `docs/active-directory.md` is made of [`Code::ALL`], and a test compares the two.

smbgw_core::codes! {
    /// A reason: why something about a domain failed, or is not as it should be.
    pub enum Code("ad"):
    /// A name of a domain, computer, principal or service is malformed.
    NameInvalid: "ad.name-invalid",
        "A name of a domain, computer, user or service has a character or a length that it may not have.",
        "Give a name that keeps to the rule in the message.";
    /// A request is not in order.
    RequestInvalid: "ad.request-invalid",
        "Options exclude each other, or one that is needed is missing.",
        "Call it as the message says; `--help` shows all options.";
    /// This machine is in a domain already.
    AlreadyJoined: "ad.already-joined",
        "This machine has joined a domain before, with this program or another one.",
        "Leave that domain first with `pve-smbgateway ad-leave`, or look at `pve-smbgateway ad-status`.";
    /// This machine is in no domain.
    NotJoined: "ad.not-joined",
        "This machine has not joined a domain, or has left it.",
        "Join one with `pve-smbgateway ad-join DOMAIN --user USER`.";
    /// Somebody has to log in.
    CredentialsNeeded: "ad.credentials-needed",
        "The account in the domain can only be changed by somebody who may do that, and nobody is logged in.",
        "Give --user and a password: `pve-smbgateway ad-recover --user USER`.";
    /// An operation was interrupted.
    Interrupted: "ad.interrupted",
        "A join, a leave or a rotation was killed or the machine stopped in the middle of it.",
        "Run `pve-smbgateway ad-recover --user USER`: it undoes what was begun, or finishes what cannot be undone.";
    /// A port of a controller cannot be reached.
    PortClosed: "ad.port-closed",
        "A firewall is between this machine and the domain controller, or the service does not run there.",
        "Open TCP and UDP ports 53, 88, 389, 445 and 464 between them.";
    /// The account of the computer is somebody else's.
    AccountInUse: "ad.account-in-use",
        "The domain has an account of that name, which another computer may use.",
        "Choose another name with --computer-name; take an unused account over with --reuse, and any with --reset.";
    /// Samba's programs are too old, or of different versions.
    SambaVersion: "ad.samba-version",
        "Samba is older than 4.15, or smbd and winbindd were installed from different releases.",
        "Update the packages `samba`, `samba-common-bin` and `winbind` together.";
    /// The DNS has the name for another machine.
    DnsNameTaken: "ad.dns-name-taken",
        "Another machine has the name in the DNS, or had it and left its record.",
        "Choose another name with --host-name or --computer-name; remove the record, or take it over with --reuse or --reset; or leave the DNS alone with --no-dns.";
    /// smbd does not let a user of the domain in.
    AccessRefused: "ad.access-refused",
        "smbd has another configuration than this machine was given, or cannot ask winbindd who the user is.",
        "See /var/log/samba/log.smbd, and that smbd and winbindd run with /etc/samba/smb.conf.";
    /// A file that was to be made is there.
    FileExists: "ad.file-exists",
        "A file of that name is there, and may be what somebody needs.",
        "Choose another name, or move the file away.";
    /// No address can be registered.
    NoAddress: "ad.no-address",
        "This machine has loopback and link-local addresses only.",
        "Give it an address, name those to register with --address, or use --no-dns.";
    /// The machine does not run.
    NotLive: "ad.not-live",
        "The files of an image were named, and what they belong to does not run.",
        "Join the machine when it runs, or make a file for it with `ad-join --offline-blob`.";
    /// The server is not one of Active Directory.
    NotActiveDirectory: "ad.not-active-directory",
        "The server speaks LDAP and does not have what every domain controller of Active Directory has.",
        "Name another server with --server, or correct the service records of the domain in the DNS.";
    /// A Kerberos encryption type that this crate does not know.
    EncryptionTypeUnknown: "ad.encryption-type-unknown",
        "An encryption type was asked for that is not AES or RC4, or its name is misspelled.",
        "Name one of those that `klist -e` shows, such as aes256-cts-hmac-sha1-96.";
    /// A message was protected with another key than the one at hand.
    KeyMismatch: "ad.key-mismatch",
        "The password or key at hand is not the one that the other side used, or a message was changed on its way.",
        "Check the password, and that the keytab has the key version that the directory has.";
    /// A key cannot be made or used.
    CryptoFailed: "ad.crypto-failed",
        "A key or an encrypted message is malformed, or its making would take too much work.",
        "Check that the server is a domain controller, and what its side of the connection reports.";
    /// A file is not a keytab, or a damaged one.
    KeytabInvalid: "ad.keytab-invalid",
        "The file has another format than keytabs of today have, or was cut off while it was written.",
        "Move the file away and have its keys written again.";
    /// A file is not an offline join blob, or does not say all that is needed.
    BlobInvalid: "ad.blob-invalid",
        "The file is not an offline domain join blob, was cut off, or was made by a program that leaves something out.",
        "Make the blob again with `ad-join --offline-blob`, `djoin /provision` or `net offlinejoin provision`.";
    /// Samba could not be given, or does not tell, what it has to know of the domain.
    SambaSecrets: "ad.samba-secrets",
        "Samba's own programs failed on its database of secrets, which may be damaged, or on another file system than it should be.",
        "Check with `net primarytrust dumpinfo`, and that /var/lib/samba/private is writable.";
    /// Samba's settings say something else than a member of this domain needs.
    SambaConflict: "ad.samba-conflict",
        "The administrator's smb.conf sets something that contradicts membership in this domain.",
        "Remove or change the parameter that the message names.";
    /// krb5.conf says something else than is needed, or is in a form that cannot be extended.
    Krb5ConfConflict: "ad.krb5-conf-conflict",
        "The administrator's krb5.conf says something about this realm that contradicts the domain, or has an error.",
        "Remove or change the line that the message names.";
    /// nsswitch.conf is in a form that cannot be extended.
    NsswitchInvalid: "ad.nsswitch-invalid",
        "/etc/nsswitch.conf has a line for users or groups in a form that is not known.",
        "Write `passwd: files winbind` and `group: files winbind` into it.";
    /// winbindd does not run, or does not answer.
    WinbindDown: "ad.winbind-down",
        "winbindd was stopped, ended, or cannot reach its database.",
        "Start it with `systemctl start winbind`, and see /var/log/samba/log.winbindd.";
    /// The secure channel to the domain does not work.
    SecureChannelBroken: "ad.secure-channel-broken",
        "The password of the machine's account is another one in the directory than on this machine, or the account is gone.",
        "Reset it with `ad-rotate`, or leave with `ad-leave` and join again with `ad-join --reuse`.";
    /// No domain controller answered.
    KdcUnreachable: "ad.kdc-unreachable",
        "No domain controller of the realm answered on port 88: it is down, or a firewall is between.",
        "Check that a domain controller runs, and that port 88 is open for UDP and TCP.";
    /// No domain controller of a realm is known.
    RealmUnknown: "ad.realm-unknown",
        "The name of the realm is misspelled, or DNS has no records of its domain controllers.",
        "Check the name, and that the machine asks the DNS servers of the domain.";
    /// A message of Kerberos is malformed.
    KerberosMalformed: "ad.kerberos-malformed",
        "Something that is not a domain controller answered, or a message was damaged on its way.",
        "Check what listens on port 88 or 464 of the address in the message.";
    /// An answer of Kerberos is to another question.
    KerberosMismatch: "ad.kerberos-mismatch",
        "Somebody repeats or forges answers, or a proxy mixes them up.",
        "Check the network between this machine and the domain controller.";
    /// A server refused a request of Kerberos for a reason that has no code of its own.
    KerberosRefused: "ad.kerberos-refused",
        "The domain controller or the service refused the request, and the message says why.",
        "See the log of the domain controller or the service for more.";
    /// There is no such account.
    AccountUnknown: "ad.account-unknown",
        "The name is misspelled, or the account is in another domain.",
        "Check the name; an account of another domain is written `name@domain`.";
    /// The password is wrong.
    PasswordWrong: "ad.password-wrong",
        "The password was mistyped, or changed since.",
        "Give the right password; too many wrong ones lock the account.";
    /// The password has expired.
    PasswordExpired: "ad.password-expired",
        "The password is older than the domain allows.",
        "Change the password, for example with `kpasswd`, and try again.";
    /// The password has to be changed before the account can be used.
    PasswordMustChange: "ad.password-must-change",
        "The account is new or was reset, and its user has to choose a password first.",
        "Change the password, for example with `kpasswd`, and try again.";
    /// The account is locked.
    AccountLocked: "ad.account-locked",
        "Too many wrong passwords were tried with the account.",
        "Wait until the domain unlocks it, or unlock it there.";
    /// The account is disabled.
    AccountDisabled: "ad.account-disabled",
        "An administrator of the domain disabled the account.",
        "Enable the account in the domain, or use another one.";
    /// The account has expired.
    AccountExpired: "ad.account-expired",
        "The account was made for a limited time, which is over.",
        "Extend the account in the domain, or use another one.";
    /// The account may not be used now or from here.
    AccountRestricted: "ad.account-restricted",
        "The account may be used in certain hours or from certain machines only.",
        "Use another account, or lift the restriction in the domain.";
    /// The clocks of this machine and of the domain differ by too much.
    ClockSkew: "ad.clock-skew",
        "The clock of this machine or that of the domain controller is wrong by more than the tolerance, usually five minutes.",
        "Set the clocks right, for example with chrony or systemd-timesyncd.";
    /// There is no encryption type that both sides have.
    EncryptionNoneCommon: "ad.encryption-none-common",
        "The account has keys of types only that are not accepted here, such as RC4, usually because its password is older than the domain's support for AES.",
        "Change the password of the account, and check its msDS-SupportedEncryptionTypes.";
    /// The domain does not know the service.
    ServiceUnknown: "ad.service-unknown",
        "No account of the domain has the name of the service, or the host is called by another name than the one registered.",
        "Check the name of the host, and that an account has the servicePrincipalName in the message.";
    /// A new password does not keep to the rules of the domain.
    PasswordPolicy: "ad.password-policy",
        "The new password is too short, too simple, one of the last ones, or the last change is too recent.",
        "Choose another password, or wait.";
    /// A password may not be set by this account.
    PasswordDenied: "ad.password-denied",
        "The account that asks has no right to set the password of the other one.",
        "Use an account that has the right `Reset password` on it.";
    /// A new password may or may not have been set.
    PasswordUnsure: "ad.password-unsure",
        "The connection ended after the new password was sent and before the answer came.",
        "Log in with the new password to see which one holds.";
    /// An LDAP server cannot be reached.
    LdapUnreachable: "ad.ldap-unreachable",
        "The domain controller is down, a firewall is between, or the address is that of another host.",
        "Check that ports 389 and 636 of the domain controller can be reached from here, or name another one with `--server`.";
    /// An LDAP server does not answer in time.
    LdapTimeout: "ad.ldap-timeout",
        "The domain controller or the network in between is overloaded or dead.",
        "Try again, or name another domain controller with `--server`.";
    /// An LDAP server answers with something that is not LDAP.
    LdapBroken: "ad.ldap-broken",
        "What answers on that port is not an LDAP server, or something in between changes what is sent.",
        "Check the address and port of the domain controller, and what is between.";
    /// The certificate of an LDAP server is not to be trusted.
    LdapCertificate: "ad.ldap-certificate",
        "The certificate is made by another authority than the one given, has another name, has expired, or was replaced.",
        "Check the certificate on the domain controller; give its authority as a CA file, or the fingerprint in the message once you know it is the right one.";
    /// An LDAP server does not take the way in which it was to log in.
    LdapMethodRefused: "ad.ldap-method-refused",
        "The server takes passwords over TLS only, or Kerberos without TLS only.",
        "Use Kerberos on port 389, or give a CA file or fingerprint for TLS.";
    /// An LDAP server is too busy, or finds too much.
    LdapBusy: "ad.ldap-busy",
        "The domain controller is overloaded or shutting down, or the search finds more than it may.",
        "Try again, or name another domain controller with `--server`.";
    /// An LDAP server refused for a reason that has no code of its own.
    LdapRefused: "ad.ldap-refused",
        "The rules of the directory do not allow what was asked for; the message has the reason of the server.",
        "See the event log of the domain controller, or Samba's log, for the number in the message.";
    /// An object is not in the directory.
    ObjectMissing: "ad.object-missing",
        "The name of an organizational unit or account is misspelled, it was deleted, or it is not replicated yet.",
        "Check the name, and that the domain controller in use has it.";
    /// There is an object of that name.
    ObjectExists: "ad.object-exists",
        "An account of that name is in the directory, maybe in another organizational unit.",
        "Choose another name, or take over the account with `--reuse` or `--reset`.";
    /// A user has no right to do something in the directory.
    RightsMissing: "ad.rights-missing",
        "The user is not an administrator and was not given rights in that organizational unit.",
        "Use an administrator, or have the right to create and change computer accounts in that organizational unit delegated to the user.";
    /// Another account has a service principal name.
    SpnDuplicate: "ad.spn-duplicate",
        "An older or a cloned computer has the same name of a service; Kerberos would use either key.",
        "Remove the name from the account in the message, with `setspn -D` or `ad-spn remove`.";
    /// A user has made as many computer accounts as users may.
    MachineQuota: "ad.machine-quota",
        "Users without further rights may make a limited number of computer accounts (ms-DS-MachineAccountQuota).",
        "Use an administrator, or delete accounts that the user made and nobody needs.";
    /// A part of the directory has another shape than Active Directory gives it.
    DirectoryUnusual: "ad.directory-unusual",
        "The server is not a domain controller of Active Directory, or hides attributes from this user.",
        "Check the address of the domain controller, and the rights of the user.";
    /// A host is set up without name servers.
    DnsNoServers: "ad.dns-no-servers",
        "/etc/resolv.conf is missing, empty, or cannot be read.",
        "Put the addresses of the domain's name servers into /etc/resolv.conf.";
    /// No name server answers.
    DnsSilent: "ad.dns-silent",
        "The name servers in /etc/resolv.conf are down, are others than they should be, or a firewall is between.",
        "Check that they run, and that UDP and TCP port 53 lead to them.";
    /// A name server answers with an error.
    DnsRefused: "ad.dns-refused",
        "The name server does not serve this machine, cannot reach those it forwards to, or is no name server.",
        "Look at the log of the name server, or use the domain's own.";
    /// The DNS does not know the domain.
    DomainUnknown: "ad.domain-unknown",
        "The name of the domain is misspelled, or the machine asks name servers that are not the domain's.",
        "Check the name, and have /etc/resolv.conf name the domain's name servers.";
    /// The DNS knows the domain, but none of its controllers.
    DnsNoServiceRecords: "ad.dns-no-service-records",
        "The zone has no SRV records below _msdcs, because another server holds it or the controllers did not register.",
        "Use the domain's own name servers, register the records again (`samba_dnsupdate`, `nltest /dsregdns`), or give a controller with `--server`.";
    /// The name of a controller leads to no address.
    ControllerNoAddress: "ad.controller-no-address",
        "The A and AAAA records of the domain controller are missing, or its name is misspelled.",
        "Have the controller register its records again, or give its address with `--server`.";
    /// No controller answers.
    NoController: "ad.no-controller",
        "All domain controllers are down, or a firewall is between.",
        "Check that one runs, and that UDP port 389 leads to it.";
    /// What was given as a controller is one of another domain, or none.
    ControllerOfOtherDomain: "ad.controller-of-other-domain",
        "The server given, or the one that the DNS names, does not serve this domain.",
        "Check the name of the domain and that of the server.";
    /// Only controllers answer that take no changes.
    NoWritableController: "ad.no-writable-controller",
        "Only read-only domain controllers can be reached from here.",
        "Open the way to a writable one for joining and for new passwords.";
    /// A signed or sealed message is malformed or out of order.
    SecurityToken: "ad.security-token",
        "Somebody in between changes, repeats or drops messages, or the server is not what it seems.",
        "Check what is between this machine and the domain controller, and try again.";
    /// A ticket has a key that is too weak to protect messages.
    SecurityKeyWeak: "ad.security-key-weak",
        "The account of the service has only keys of RC4, because its password is older than the domain's support for AES, or its msDS-SupportedEncryptionTypes lacks AES.",
        "Change the password of the service's account, and allow AES in its msDS-SupportedEncryptionTypes.";
    /// A name server refuses to change a record.
    DnsUpdateRefused: "ad.dns-update-refused",
        "The record belongs to another account, or the zone takes no secure updates.",
        "Change its owner or delete it there, or leave the DNS alone with `--no-dns` and make the record by hand.";
    /// A record in the DNS could not be changed.
    DnsUpdateFailed: "ad.dns-update-failed",
        "The primary name server of the zone is not a domain controller, cannot be reached by TCP, or knows no secure updates.",
        "Check what the SOA record of the zone names, or leave the DNS alone with `--no-dns` and make the record by hand.";
    /// The keytab has no keys of the machine's account.
    KeytabMissing: "ad.keytab-missing",
        "The keytab was removed or replaced, or the machine was joined by a program that writes none.",
        "Write it anew with `pve-smbgateway ad-keytab --refresh`.";
    /// The keys in the keytab are not those of the account.
    KeytabOutdated: "ad.keytab-outdated",
        "The password of the account was changed without its keys being written: in the directory, by winbindd, or by another machine of the same name.",
        "Run `pve-smbgateway ad-keytab --refresh`; where the domain does not take the password that Samba has either, leave with `pve-smbgateway ad-leave` and join again with `ad-join --reuse`.";
    /// The keytab has keys that the directory does not know yet.
    RotationUnfinished: "ad.rotation-unfinished",
        "A rotation of the password was interrupted, or the domain controller in use has not learned of it yet.",
        "Wait for the replication of the domain, or run `pve-smbgateway ad-rotate`, which finishes it.";
    /// Only weak encryption is possible.
    EncryptionWeak: "ad.encryption-weak",
        "The account or its keys are of RC4 only, because they are older than the domain's support for AES, or AES was not allowed.",
        "Allow AES in the msDS-SupportedEncryptionTypes of the account, and change its password.";
    /// The password of the machine's account is old.
    MachinePasswordOld: "ad.machine-password-old",
        "Nobody changes the password of the machine: the timer for it does not run, or winbindd is stopped.",
        "Run `pve-smbgateway ad-rotate`, and see that smbgw-ad-rotate.timer is enabled.";
    /// Samba has another password than the directory.
    MachinePasswordDiffers: "ad.machine-password-differs",
        "The password of the account was changed in the directory after Samba was told of its own.",
        "Run `wbinfo --check-secret`; where it fails, leave with `pve-smbgateway ad-leave` and join again with `ad-join --reuse`.";
    /// Samba knows nothing of the membership.
    SambaUntold: "ad.samba-untold",
        "The machine was joined by a program that tells Samba nothing, or Samba's database of secrets was lost.",
        "Leave with `pve-smbgateway ad-leave` and join again with `ad-join --reuse`, which tells Samba.";
    /// An account lacks names of services.
    SpnMissing: "ad.spn-missing",
        "Somebody removed names of services from the account, or another computer was given them.",
        "Add them with `pve-smbgateway ad-spn add`.";
    /// The account names another host.
    HostNameDiffers: "ad.host-name-differs",
        "The dNSHostName of the account was changed in the directory.",
        "Set the dNSHostName of the account to the name in the message, or leave with `pve-smbgateway ad-leave` and join again with `ad-join --reuse`.";
    /// smb.conf is not what joining made of it.
    SambaDrift: "ad.samba-drift",
        "smb.conf or /etc/samba/smbgw-domain.conf was edited after the join.",
        "Take the edit back, or leave with `pve-smbgateway ad-leave` and join again with `ad-join --reuse`.";
    /// krb5.conf is not what joining made of it.
    Krb5ConfDrift: "ad.krb5-conf-drift",
        "What joining wrote into Kerberos' configuration was edited or removed.",
        "Take the edit back, or leave with `pve-smbgateway ad-leave` and join again with `ad-join --reuse`.";
    /// nsswitch.conf is not what joining made of it.
    NsswitchDrift: "ad.nsswitch-drift",
        "The word `winbind` was removed from the lines `passwd` or `group` of /etc/nsswitch.conf.",
        "Write `winbind` behind the other words of these lines.";
    /// Ids are given to more than one account.
    IdmapCollision: "ad.idmap-collision",
        "A range of ids in smb.conf has ids of local accounts, of containers, or of another range.",
        "Choose ranges that nobody else uses, the same on every machine of the domain, before more files get ids of the old ones.";
    /// Users of the domain get no ids.
    IdmapRangeMissing: "ad.idmap-range-missing",
        "smb.conf has no `idmap config` with a range for the domain.",
        "Set `idmap config DOMAIN : backend = rid` and `idmap config DOMAIN : range` in smb.conf.";
    /// winbindd runs, and reaches no domain controller.
    WinbindOffline: "ad.winbind-offline",
        "winbindd has not noticed yet that a domain controller is back, or is kept from it by a firewall or by its own settings.",
        "Wait half a minute; then see /var/log/samba/log.winbindd, and restart it with `systemctl restart winbind`.";
    /// Addresses of a domain controller have no name in the DNS.
    DnsNoReverse: "ad.dns-no-reverse",
        "The domain has no reverse zone, or the domain controllers did not register in it.",
        "Make the reverse zone and the PTR records, if other programs look names up by addresses; nothing here needs them.";
    /// The machine's address belongs to no site.
    SiteUnknown: "ad.site-unknown",
        "No subnet of the directory has the address of this machine.",
        "Add the subnet to a site in the directory, so that near domain controllers are used.";
    /// The functional level is old.
    FunctionalLevelOld: "ad.functional-level-old",
        "The domain was made for domain controllers older than Windows Server 2008, which know no AES.",
        "Raise the functional level of the domain and of the forest.";
}
