//! The account of a computer.
