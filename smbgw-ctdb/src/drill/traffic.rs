//! What the clients of a drill do, and how they fare.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::smb::{Client, File, LARGEST_PIECE, Login, Opening, SmbError};

use super::report::Handle;

/// How much is written at once, in bytes.
pub(super) const PIECE: usize = 4096;

/// How long a connection may take. The system tries again in that time, at longer and longer intervals.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long an answer may take. A recovery keeps everybody waiting, and is no failure.
pub(super) const ANSWERING: Duration = Duration::from_secs(60);

/// Between two operations, and before a connection is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// What a server says of a file that is not there (MS-ERREF 2.3).
const NO_SUCH_FILE: u32 = 0xc000_0034;

/// Where and as whom the clients work.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) address: IpAddr,
    pub(super) share: &'a str,
    pub(super) login: &'a Login,
    /// The directory of this drill in the share.
    pub(super) directory: &'a str,
    /// What the content of all files follows from.
    pub(super) seed: u64,
}

/// Something that a client did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    pub(super) over: Instant,
    pub(super) good: bool,
}

/// When a client was answered last, for others to see.
#[derive(Debug)]
pub(super) struct Pulse {
    start: Instant,
    last: AtomicU64,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    fn beat(&self) {
        self.last
            .store(self.start.elapsed().as_micros() as u64, Ordering::Relaxed);
    }

    /// Whether it was answered after `moment`.
    pub(super) fn is_after(&self, moment: Instant) -> bool {
        let last = Duration::from_micros(self.last.load(Ordering::Relaxed));
        self.start + last > moment
    }
}

/// What became of a client.
#[derive(Debug, Default)]
pub(super) struct Worked {
    /// Its reads and writes, in order.
    pub(super) acts: Vec<Act>,
    /// How many times it had to connect again.
    pub(super) reconnects: u32,
    /// How many pieces the server said are on disk.
    pub(super) acknowledged: u64,
    /// How many pieces were read back meanwhile with other content.
    pub(super) wrong: u64,
}

impl Site<'_> {
    pub(super) fn connect(&self) -> Result<Client, SmbError> {
        Client::connect(self.address, self.share, self.login, CONNECTING, ANSWERING)
    }

    fn file(&self, client: u32) -> String {
        format!("{}\\client-{client}", self.directory)
    }

    /// Makes the directory.
    pub(super) fn set_up(&self) -> Result<(), SmbError> {
        let mut client = self.connect()?;
        let directory = client.open(self.directory, Opening::Directory)?;
        client.close(directory)
    }

    /// Removes all that `clients` clients have written.
    pub(super) fn clean_up(&self, clients: u32) -> Result<(), SmbError> {
        let mut client = self.connect()?;
        let files = (0..clients).map(|number| self.file(number));
        let all = files.chain([
            format!("{}\\handle", self.directory),
            self.directory.to_owned(),
        ]);
        for path in all {
            match client.open(&path, Opening::ToDelete) {
                Ok(file) => client.close(file)?,
                Err(SmbError::Refused { status, .. }) if status == NO_SUCH_FILE => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes and reads until `stop`.
    pub(super) fn work(&self, number: u32, pulse: &Pulse, stop: &AtomicBool) -> Worked {
        let mut worked = Worked::default();
        let mut open: Option<(Client, File)> = None;
        let path = self.file(number);
        while !stop.load(Ordering::Relaxed) {
            let result = match &mut open {
                Some((client, file)) => self.step(client, *file, number, &mut worked),
                None => {
                    let result = self.connect().and_then(|mut client| {
                        let file = client.open(&path, Opening::AnyFile)?;
                        open = Some((client, file));
                        Ok(())
                    });
                    worked.reconnects += 1;
                    // A connection that is refused is no operation that failed: the last one was.
                    if result.is_ok() {
                        continue;
                    }
                    std::thread::sleep(PAUSE);
                    continue;
                }
            };
            worked.acts.push(Act {
                over: Instant::now(),
                good: result.is_ok(),
            });
            match result {
                Ok(()) => pulse.beat(),
                Err(_) => open = None,
            }
            std::thread::sleep(PAUSE);
        }
        worked
    }

    /// One write that is on disk when it is over; every fourth time also a read of what was written before.
    fn step(
        &self,
        client: &mut Client,
        file: File,
        number: u32,
        worked: &mut Worked,
    ) -> Result<(), SmbError> {
        let at = worked.acknowledged;
        let place = at * PIECE as u64;
        client.write(file, place, &self.content(number, at))?;
        client.flush(file)?;
        worked.acknowledged += 1;
        if at % 4 == 3 {
            let earlier = at * 7919 % worked.acknowledged;
            let read = client.read(file, earlier * PIECE as u64, PIECE)?;
            if read != self.content(number, earlier) {
                worked.wrong += 1;
            }
        }
        Ok(())
    }

    /// How many of the first `count` pieces of a client are not in its file.
    pub(super) fn missing(&self, number: u32, count: u64) -> Result<u64, SmbError> {
        if count == 0 {
            return Ok(0);
        }
        let mut client = self.connect()?;
        let file = client.open(&self.file(number), Opening::Existing)?;
        let mut missing = 0;
        let mut at = 0;
        while at < count {
            let read = client.read(file, at * PIECE as u64, LARGEST_PIECE)?;
            let mut pieces = read.chunks(PIECE);
            let several = (LARGEST_PIECE / PIECE) as u64;
            for one in at..count.min(at + several) {
                if pieces.next() != Some(&self.content(number, one)) {
                    missing += 1;
                }
            }
            at += several;
        }
        client.close(file)?;
        Ok(missing)
    }

    /// Holds a file open until `stop`, and says what became of that.
    pub(super) fn hold(&self, stop: &AtomicBool) -> Handle {
        let path = format!("{}\\handle", self.directory);
        let opened = self
            .connect()
            .and_then(|mut client| Ok((client.open_durable(&path)?, client)));
        let Ok((durable, mut client)) = opened else {
            return Handle::NotOpened;
        };
        let mut fate = Handle::Kept;
        let mut file = durable.file;
        while !stop.load(Ordering::Relaxed) {
            if client.write(file, 0, b"held").is_err() {
                let again = self.connect().and_then(|mut fresh| {
                    if durable.is_durable && fate != Handle::Lost {
                        match fresh.reopen(&path, file) {
                            Ok(file) => return Ok((fresh, file, Handle::TakenUp)),
                            // The server has answered, and does not have it any more.
                            Err(SmbError::Refused { .. }) => {}
                            Err(error) => return Err(error),
                        }
                    }
                    let file = fresh.open(&path, Opening::AnyFile)?;
                    Ok((fresh, file, Handle::Lost))
                });
                if let Ok((fresh, again, how)) = again {
                    (client, file) = (fresh, again);
                    fate = how;
                }
            }
            std::thread::sleep(PAUSE * 10);
        }
        let _ = client.close(file);
        fate
    }

    /// The content of a piece: its own for every client, piece and drill (SplitMix64).
    fn content(&self, number: u32, at: u64) -> [u8; PIECE] {
        let mut state = self.seed ^ (u64::from(number) << 48) ^ at.wrapping_mul(0x9e37_79b9);
        let mut content = [0; PIECE];
        for bytes in content.chunks_exact_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
        }
        content
    }
}
