//! What an instance's hostcalls cost.

/// Counts of one instance, written by each hostcall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meter {
    /// Calls of `spear:hostcalls` that the guest made; the standard interfaces are not counted.
    pub hostcalls: u64,
    /// Bytes that hostcalls, and the bodies of HTTP responses, gave to the guest.
    pub bytes_in: u64,
    /// Bytes that the guest gave to hostcalls and to the bodies of HTTP requests.
    pub bytes_out: u64,
}

impl Meter {
    /// Counts one hostcall that carries `bytes` out of the guest.
    pub(crate) fn hostcall(&mut self, bytes: usize) {
        self.hostcalls += 1;
        self.bytes_out += bytes as u64;
    }

    /// Counts `bytes` on their way to the guest.
    pub(crate) fn answer(&mut self, bytes: usize) {
        self.bytes_in += bytes as u64;
    }
}
