//! The program that works on another machine: how it gets there, and what it is asked.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::LinkError;
use super::execute::Execute;
use super::guest::{self, Reply};
use super::link::{Broken, Link};
use super::way::Way;
use super::wire::{self, Fields};
use crate::deadline::Deadline;
use crate::host::cmd::{Command, CommandError, Program};
use crate::host::{Host, LocalHost, spawn};
use crate::secret::Secret;

/// The program itself.
const PROGRAM: &str = include_str!("agent.pl");

/// What takes the program from standard input and becomes it. Its first argument is the program's length.
/// Nothing in it means anything to a shell within single quotes.
const BOOT: &str = "$n=shift;while(length$p<$n){sysread(STDIN,$p,$n-length$p,length$p)or exit 3}eval$p;print STDERR$@;exit 4";

/// How long the way there and back may take beside the work itself.
const GRACE: Duration = Duration::from_secs(10);

/// How long it may take until something answers for the first time.
const OPENING: Duration = Duration::from_secs(30);

/// As many connections as are kept while nobody needs them.
const MOST_IDLE: usize = 4;

/// Something that the program is asked to do.
pub(super) struct Call<'a> {
    what: &'static str,
    arguments: Vec<&'a [u8]>,
    repeatable: bool,
}

/// A call as a message, and whether it may be said again where it is not known if it was heard.
pub(super) struct Message {
    bytes: Option<Zeroizing<Vec<u8>>>,
    repeatable: bool,
}

/// What the program answers.
pub(super) enum Answer {
    /// It is done; with these results.
    Done(Fields),
    /// The system there refused, with this `errno`.
    Errno(i32),
    /// It could not be done, for this reason.
    Problem(String),
}

impl<'a> Call<'a> {
    /// A question, which may be asked again; or a change that says what happened when it is made twice.
    pub(super) fn new(what: &'static str, arguments: &[&'a [u8]]) -> Self {
        let looks = [
            "tool",
            "now",
            "read",
            "read_files",
            "status",
            "list",
            "xattr",
        ];
        Self {
            what,
            arguments: arguments.to_vec(),
            repeatable: looks.contains(&what),
        }
    }

    /// Something that may be done once only.
    pub(super) fn changing(what: &'static str, arguments: &[&'a [u8]]) -> Self {
        Self {
            repeatable: false,
            ..Self::new(what, arguments)
        }
    }

    pub(super) fn message(&self) -> Message {
        let mut fields = vec![self.what.as_bytes()];
        fields.extend(&self.arguments);
        Message {
            bytes: wire::message(&fields),
            repeatable: self.repeatable,
        }
    }
}

/// Makes the message, once it is known how much time there is for what it asks.
pub(super) type Ask<'a> = &'a dyn Fn(Duration) -> Message;

/// What leads to the machine.
#[derive(Debug)]
enum Entrance {
    /// A command of this machine.
    Way(Way),
    /// What runs one program there at a time.
    Execute(Box<dyn Execute>),
}

/// The program on one machine, by as many connections as are needed at the same time.
#[derive(Debug)]
pub(super) struct Agent {
    machine: String,
    entrance: Entrance,
    here: LocalHost,
    idle: Mutex<Vec<Link>>,
    user: OnceLock<u32>,
}

impl Agent {
    pub(super) fn new(name: &str, way: Way) -> Self {
        let path = way.to_string();
        let machine = if name == path {
            path
        } else {
            format!("{name} ({path})")
        };
        Self::by(machine, Entrance::Way(way))
    }

    pub(super) fn behind(name: &str, execute: Box<dyn Execute>) -> Self {
        Self::by(name.to_owned(), Entrance::Execute(execute))
    }

    fn by(machine: String, entrance: Entrance) -> Self {
        Self {
            machine,
            entrance,
            here: LocalHost::new(),
            idle: Mutex::new(Vec::new()),
            user: OnceLock::new(),
        }
    }

    /// Sees that it answers.
    pub(super) fn greet(&self, deadline: Deadline) -> Result<(), LinkError> {
        self.user(deadline).map(drop)
    }

    /// Whom it works as, by number.
    pub(super) fn user(&self, deadline: Deadline) -> Result<u32, LinkError> {
        if let Some(user) = self.user.get() {
            return Ok(*user);
        }
        let fields = if self.talkative().is_some() {
            let (link, fields) = self.open(deadline)?;
            self.keep(link);
            fields
        } else {
            self.once(&Call::new("now", &[]).message(), deadline)?.0
        };
        let user = fields.get(1).and_then(|user| super::parsed(user));
        let user = user.ok_or_else(|| self.garbled("no user"))?;
        Ok(*self.user.get_or_init(|| user))
    }

    /// Asks, and waits for the answer until a little after the deadline, by when the program has given
    /// up by itself.
    pub(super) fn ask(&self, deadline: Deadline, ask: Ask<'_>) -> Result<Answer, LinkError> {
        if self.talkative().is_none() {
            let message = ask(deadline.remaining());
            return self.answer(self.once(&message, deadline)?.1);
        }
        loop {
            let kept = self.idle().pop().filter(Link::is_usable);
            let is_new = kept.is_none();
            let mut link = match kept {
                Some(link) => link,
                None => self.open(deadline)?.0,
            };
            let message = ask(deadline.remaining());
            match self.put(&mut link, &message, deadline) {
                Ok(fields) => {
                    self.keep(link);
                    return self.answer(fields);
                }
                // A connection that was kept may have ended unnoticed.
                Err(LinkError::Lost { .. }) if !is_new && message.repeatable => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The same by a connection that is given away: what is held there, is as long as it lives.
    pub(super) fn hold(
        &self,
        deadline: Deadline,
        ask: Ask<'_>,
    ) -> Result<(Box<Link>, Answer), LinkError> {
        if self.talkative().is_none() {
            return Err(LinkError::NoLocks {
                machine: self.machine.clone(),
            });
        }
        // Whoever does not want to wait for the lock does want to know who holds it.
        let mut link = self
            .open(Deadline::after(deadline.remaining().max(GRACE)))?
            .0;
        let fields = self.put(&mut link, &ask(deadline.remaining()), deadline)?;
        Ok((Box::new(link), self.answer(fields)?))
    }

    /// The way there, where what is started there can be talked with.
    fn talkative(&self) -> Option<&Way> {
        match &self.entrance {
            Entrance::Way(way) => Some(way).filter(|way| way.can_talk()),
            Entrance::Execute(_) => None,
        }
    }

    pub(super) fn garbled(&self, what: &str) -> LinkError {
        LinkError::Garbled {
            machine: self.machine.clone(),
            what: what.into(),
        }
    }

    fn put(
        &self,
        link: &mut Link,
        message: &Message,
        deadline: Deadline,
    ) -> Result<Fields, LinkError> {
        let bytes = message.bytes.as_ref().ok_or_else(|| self.too_large())?;
        let until = deadline.remaining() + GRACE;
        link.ask(bytes, Deadline::after(until))
            .map_err(|broken| self.explain(broken, until))
    }

    /// Starts the program there; the answer to that says whom it works as.
    fn open(&self, deadline: Deadline) -> Result<(Link, Fields), LinkError> {
        let deadline = deadline.at_most(OPENING);
        let time = deadline.remaining();
        let way = self.talkative().ok_or_else(|| self.garbled("no way"))?;
        let command = entering(way, "stay", time);
        let Program::Tool(name) = command.program else {
            return Err(self.garbled("no program"));
        };
        let path = self.here.tool(name).map_err(Box::new)?;
        tracing::debug!(machine = self.machine, "connect");
        let process = spawn::prepare(&path, &command);
        Link::open(process, PROGRAM.as_bytes(), deadline).map_err(|broken| match broken {
            Broken::Ended { status, said } => way.explain(&self.machine, status, &said),
            other => self.explain(other, time),
        })
    }

    /// Starts the program there for one message alone: the greeting, and its answer.
    fn once(&self, message: &Message, deadline: Deadline) -> Result<(Fields, Fields), LinkError> {
        let bytes = message.bytes.as_ref().ok_or_else(|| self.too_large())?;
        let mut input = Vec::with_capacity(PROGRAM.len() + bytes.len());
        input.extend_from_slice(PROGRAM.as_bytes());
        input.extend_from_slice(bytes);
        let input = Secret::from(input);
        let time = deadline.remaining();
        let way = match &self.entrance {
            Entrance::Way(way) => way,
            Entrance::Execute(execute) => {
                return self.executed(execute.as_ref(), &input, Deadline::after(time + GRACE));
            }
        };
        if input.expose().len() > guest::LARGEST_INPUT {
            return Err(self.too_large());
        }
        let every_status: Vec<i32> = (1..=255).collect();
        let command = entering(way, "once", time + GRACE / 2)
            .stdin_secret(input)
            .accept(&every_status)
            .timeout(time + GRACE);
        let ran = self.here.run(&command, Deadline::after(time + GRACE));
        let output = ran.map_err(|error| match error {
            CommandError::TimedOut { after, .. } => self.no_answer(after),
            other => LinkError::Way(Box::new(other)),
        })?;
        if output.status != 0 {
            let said = output.error_text();
            return Err(way.explain(&self.machine, Some(output.status), &said));
        }
        match Reply::read(&output.stdout) {
            Ok(Reply::Ended {
                output,
                errors,
                status,
            }) => self
                .read_once(output.into_bytes())?
                .ok_or_else(|| way.explain(&self.machine, Some(status), &errors)),
            Ok(Reply::Running) => Err(self.no_answer(time)),
            Ok(Reply::Truncated) => Err(self.too_large()),
            Err(what) => Err(self.garbled(&what)),
        }
    }

    /// The same by what runs one program there.
    fn executed(
        &self,
        execute: &dyn Execute,
        input: &Secret,
        deadline: Deadline,
    ) -> Result<(Fields, Fields), LinkError> {
        let length = PROGRAM.len().to_string();
        let words = words(&length, "once");
        let ended = execute.execute(&self.machine, &words, input, deadline)?;
        let read = self.read_once(ended.output.clone())?;
        read.ok_or_else(|| ended.explain(&self.machine))
    }

    /// The greeting and the answer in what was written; nothing where the program was not started.
    fn read_once(&self, mut received: Vec<u8>) -> Result<Option<(Fields, Fields)>, LinkError> {
        let garbled = |wire::Garbled(what)| self.garbled(what);
        if !wire::take_greeting(&mut received).map_err(garbled)? {
            return Ok(None);
        }
        let mut received = wire::from_hexadecimal(&received);
        let greeting = wire::take_message(&mut received).map_err(garbled)?;
        let answer = wire::take_message(&mut received).map_err(garbled)?;
        let both = greeting.zip(answer);
        both.map(Some)
            .ok_or_else(|| self.garbled("it is not whole"))
    }

    fn answer(&self, fields: Fields) -> Result<Answer, LinkError> {
        let mut fields = fields.into_iter();
        let text = |field: Option<Vec<u8>>| {
            String::from_utf8_lossy(&field.unwrap_or_default())
                .trim()
                .to_owned()
        };
        match fields.next().as_deref() {
            Some(b"ok") => Ok(Answer::Done(fields.collect())),
            Some(b"error") => {
                let errno = fields.next().and_then(|errno| super::parsed(&errno));
                Ok(match errno {
                    Some(errno) if errno > 0 => Answer::Errno(errno),
                    _ => Answer::Problem(text(fields.next())),
                })
            }
            Some(b"broken") => Err(self.garbled(&text(fields.next()))),
            _ => Err(self.garbled("it does not say how it went")),
        }
    }

    /// What it means that nothing came from the program that leads there.
    fn explain(&self, broken: Broken, time: Duration) -> LinkError {
        match broken {
            Broken::Ended { said, .. } => self.lost(&said),
            Broken::TimedOut => self.no_answer(time),
            Broken::Garbled(what) => self.garbled(what),
            Broken::Io(source) => LinkError::Process {
                machine: self.machine.clone(),
                source,
            },
        }
    }

    fn lost(&self, said: &str) -> LinkError {
        LinkError::Lost {
            machine: self.machine.clone(),
            said: said.trim().into(),
        }
    }

    fn no_answer(&self, after: Duration) -> LinkError {
        LinkError::NoAnswer {
            machine: self.machine.clone(),
            after,
        }
    }

    fn too_large(&self) -> LinkError {
        LinkError::TooLarge {
            machine: self.machine.clone(),
            what: "this",
        }
    }

    fn keep(&self, link: Link) {
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push(link);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Link>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The command that starts the program there.
fn entering(way: &Way, how: &'static str, time: Duration) -> Command {
    let length = PROGRAM.len().to_string();
    way.entering(&words(&length, how), time)
}

fn words<'a>(length: &'a str, how: &'a str) -> [&'a str; 5] {
    ["/usr/bin/perl", "-e", BOOT, length, how]
}
