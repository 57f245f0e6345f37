//! Hosts that joined the domain by other programs than those under test.

use super::{Domain, controller};
use crate::process::run_with;
use crate::{LightHost, Result, run};

/// How a member is set up that was joined by `net` or `adcli`.
const SMB_CONF: &str = "\
[global]
  netbios name = @NAME@
  workgroup = LAB
  realm = AD.TEST
  security = ads
  kerberos method = secrets and keytab
  idmap config * : backend = tdb
  idmap config * : range = 3000-7999
  idmap config LAB : backend = rid
  idmap config LAB : range = 1000000-1999999
  disable netbios = yes
  disable spoolss = yes
  load printers = no
[data]
  path = /srv
  read only = no
";

impl Domain {
    /// Starts a host and joins it by `net ads join`, which takes some two seconds. It has a share
    /// `data`; neither smbd nor winbindd run.
    pub fn member_joined_by_net(&self, name: &str) -> Result<LightHost> {
        let host = self.prepared_member(name)?;
        let login = format!("{}%{}", Domain::ADMINISTRATOR, Domain::PASSWORD);
        run(host.command("net").args(["ads", "join", "-U", &login]))?;
        Ok(host)
    }

    /// Starts a host and joins it by `adcli join`, which tells Samba nothing: there is the account,
    /// and its keys in `/etc/krb5.keytab`.
    pub fn member_joined_by_adcli(&self, name: &str) -> Result<LightHost> {
        let host = self.prepared_member(name)?;
        let mut adcli = host.command("adcli");
        adcli
            .args(["join", "--stdin-password", "--domain", Domain::NAME])
            .args(["--login-user", Domain::ADMINISTRATOR]);
        run_with(&mut adcli, Domain::PASSWORD.as_bytes())?;
        Ok(host)
    }

    /// Starts a host whose `smb.conf` is that of a member, and which has joined nothing.
    pub fn prepared_member(&self, name: &str) -> Result<LightHost> {
        let host = self.host(name)?;
        host.write("/etc/krb5.conf", controller::KRB5_CONF)?;
        host.write(
            "/etc/samba/smb.conf",
            SMB_CONF.replace("@NAME@", &name.to_uppercase()),
        )?;
        // The domain's users are users of the host, which smbd asks for.
        let switch = host.read("/etc/nsswitch.conf")?;
        let switch = switch
            .replace("passwd: files\n", "passwd: files winbind\n")
            .replace("group: files\n", "group: files winbind\n");
        host.write("/etc/nsswitch.conf", switch)?;
        Ok(host)
    }
}
