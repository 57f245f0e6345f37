//! dev stand-in
use std::path::{Path, PathBuf};
use std::process::Command;
pub(crate) struct Container {
    leader: String,
}
impl Container {
    pub(crate) fn start() -> Self {
        Self {
            leader: std::fs::read_to_string("/var/tmp/svc/leader")
                .unwrap()
                .trim()
                .into(),
        }
    }
    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        PathBuf::from(format!(
            "/proc/{}/root{}",
            self.leader,
            inside.as_ref().display()
        ))
    }
    pub(crate) fn write(&self, inside: &str, content: &str) {
        std::fs::write(self.path(inside), content).unwrap()
    }
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut c = Command::new("nsenter");
        c.args([
            "-t",
            &self.leader,
            "-m",
            "-u",
            "-i",
            "-n",
            "-p",
            "-r",
            "-w",
            "--",
            program,
        ]);
        c
    }
}
