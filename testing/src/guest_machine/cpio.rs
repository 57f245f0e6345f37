//! The archive that a kernel unpacks before it starts: cpio's form `newc`, not compressed
//! (the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`).

/// An archive that is put together.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    count: u32,
}

impl Archive {
    /// Adds a directory.
    pub(super) fn directory(&mut self, name: &str) {
        self.entry(name, 0o040_755, &[]);
    }

    /// Adds a file that can be run.
    pub(super) fn file(&mut self, name: &str, content: &[u8]) {
        self.entry(name, 0o100_755, content);
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.count += 1;
        let size = u32::try_from(content.len()).expect("a file of the lab is small");
        let name_size = u32::try_from(name.len() + 1).expect("a name is short");
        // Number, mode, owner, group, links, time, size, four of devices, length of the name, checksum.
        let fields = [self.count, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::process::run_with;

    #[test]
    fn cpio_reads_it() {
        let mut archive = Archive::default();
        archive.directory("bin");
        archive.file("bin/odd", b"abc");
        let list = run_with(
            Command::new("busybox").args(["cpio", "-t"]),
            &archive.finish(),
        )
        .unwrap();
        assert_eq!(list, "bin\nbin/odd\n");
    }
}
