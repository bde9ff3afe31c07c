//! What people would use instead, each as well as it can be done: what it costs is a lower bound of what they pay.

pub(crate) mod loopback;
pub(crate) mod netlink;
pub(crate) mod redis;
pub(crate) mod resend;
pub(crate) mod zebra;
