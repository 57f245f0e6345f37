//! The order of messages, and that none is taken twice.

use super::GssError;

/// What has been received.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// Each message follows the one before it.
    Strict { next: u64 },
    /// Messages may be lost or overtake each other, but none comes twice.
    Once {
        /// The number that the next message has.
        next: u64,
        /// Which of the numbers before that have come: bit 0 stands for the one right before.
        seen: u64,
        /// The number of the first message.
        first: u64,
    },
}

impl Order {
    pub(super) fn new(first: u64, strict: bool) -> Self {
        match strict {
            true => Self::Strict { next: first },
            false => Self::Once {
                next: first,
                seen: 0,
                first,
            },
        }
    }

    /// Takes note of a message that is known to be genuine.
    pub(super) fn take(&mut self, got: u64) -> Result<(), GssError> {
        match self {
            Self::Strict { next } => {
                if got != *next {
                    return Err(GssError::OutOfOrder {
                        expected: *next,
                        got,
                    });
                }
                *next = next.wrapping_add(1);
            }
            Self::Once { next, seen, first } => {
                // Numbers are compared by their distance to the first, as they may pass zero.
                let (place, next_place) = (got.wrapping_sub(*first), next.wrapping_sub(*first));
                let wrong = GssError::OutOfOrder {
                    expected: *next,
                    got,
                };
                if place >= next_place {
                    let step = place - next_place;
                    if step > FARTHEST {
                        return Err(wrong);
                    }
                    *seen = match step {
                        0..=62 => *seen << (step + 1) | 1,
                        _ => 1,
                    };
                    *next = got.wrapping_add(1);
                } else {
                    let behind = next_place - place - 1;
                    if behind > 63 || *seen >> behind & 1 == 1 {
                        return Err(wrong);
                    }
                    *seen |= 1 << behind;
                }
            }
        }
        Ok(())
    }
}

/// So many messages may be lost in a row; what is farther away belongs behind, not before.
const FARTHEST: u64 = 1 << 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_takes_each_in_its_place() {
        let mut order = Order::new(u64::MAX, true);
        assert!(order.take(0).is_err());
        order.take(u64::MAX).unwrap();
        assert!(order.take(u64::MAX).is_err());
        order.take(0).unwrap();
    }

    #[test]
    fn once_takes_none_twice() {
        let mut order = Order::new(7, false);
        for number in [7, 9, 8, 80, 17] {
            order.take(number).unwrap();
            assert!(order.take(number).is_err(), "{number}");
        }
        // Before the first, and too old to be known.
        assert!(order.take(6).is_err());
        assert!(order.take(16).is_err());
        order.take(18).unwrap();
        order.take(81 + FARTHEST).unwrap();
        assert!(order.take(81).is_err());
        assert!(order.take(u64::MAX).is_err());
    }
}
