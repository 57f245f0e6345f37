//! Trying whether messages arrive.

use serde::Serialize;

use super::channel::Channel;
use super::notice::{Event, Facts, Notice};
use super::reading::{Kind, Severity};
use crate::deadline::Deadline;
use crate::error::Problem;
use crate::layout;

/// How a message went that was sent to see whether messages arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trial {
    /// By channel; none where no channel is set.
    pub channels: Vec<Tried>,
}

/// How a message went by one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tried {
    /// The channel.
    pub channel: String,
    /// Whether it was taken over.
    pub delivered: bool,
    /// What happened otherwise.
    pub error: Option<String>,
}

impl Trial {
    /// Sends a message from the machine called `machine` by all of `channels`, or by the one called
    /// `only`. The time until `deadline` is shared out, so that one that hangs leaves some for the
    /// others.
    ///
    /// # Errors
    /// Where there is no channel `only`.
    pub fn run(
        channels: &[Box<dyn Channel + '_>],
        only: Option<&str>,
        machine: &str,
        now: i64,
        deadline: Deadline,
    ) -> Result<Self, Problem> {
        let chosen: Vec<_> = channels
            .iter()
            .filter(|channel| only.is_none_or(|only| channel.name() == only))
            .collect();
        if let (Some(only), []) = (only, &chosen[..]) {
            return Err(no_channel(only, channels));
        }
        let notice = notice(machine, now);
        let count = chosen.len();
        let tried = chosen.into_iter().enumerate().map(|(index, channel)| {
            let waiting = u32::try_from(count - index).unwrap_or(u32::MAX);
            let part = Deadline::after(deadline.remaining() / waiting);
            let error = channel.deliver(&notice, part).err();
            Tried {
                channel: channel.name().into(),
                delivered: error.is_none(),
                error: error.map(|error| error.message),
            }
        });
        Ok(Self {
            channels: tried.collect(),
        })
    }

    /// Whether there is a channel, and all of them took the message.
    pub fn succeeded(&self) -> bool {
        !self.channels.is_empty() && self.channels.iter().all(|tried| tried.delivered)
    }
}

fn notice(machine: &str, now: i64) -> Notice {
    Notice {
        id: Notice::new_id(),
        at: now,
        host: machine.into(),
        share: None,
        kind: Kind::Test,
        event: Event::Test,
        severity: Severity::Notice,
        since: now,
        facts: Facts {
            summary: "this is a test of the messages about shares".into(),
            remedy: Some("nothing is to be done".into()),
            ..Facts::default()
        },
    }
}

fn no_channel(only: &str, channels: &[Box<dyn Channel + '_>]) -> Problem {
    let names: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
    let set = match names.is_empty() {
        true => "none is set".into(),
        false => format!("those set are {}", names.join(", ")),
    };
    let file = layout::MONITOR_CONF;
    let message = format!("there is no channel `{only}` in {file}: {set}");
    Problem::invalid("channel", "alert.no-channel", message)
}
