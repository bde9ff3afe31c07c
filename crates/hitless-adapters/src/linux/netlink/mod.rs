//! Netlink messages, encoded and read by hand: several hundred thousand a second go through here.

pub(super) mod codes;
mod read;
mod socket;
mod write;

pub(super) use self::read::{Attributes, Malformed, Message, Refusal, messages, refusal};
pub(super) use self::socket::{Received, Socket, readable};
pub(super) use self::write::Encoder;
