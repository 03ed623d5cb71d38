//! What was measured.

use std::time::Duration;

/// One time for each call.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The one that so many of a hundred are under.
    fn part(&self, percent: usize) -> Duration {
        let mut all = self.0.clone();
        all.sort_unstable();
        all[(all.len() * percent / 100).min(all.len() - 1)]
    }

    /// A line of it, and of how many floors it is high.
    pub(crate) fn show(&self, what: &str, floor: &Self) {
        let [p10, p50, p99] = [10, 50, 99].map(|percent| self.part(percent).as_secs_f64() * 1e6);
        let ratio = p50 / (floor.part(50).as_secs_f64() * 1e6);
        println!("  {what:<54} p10 {p10:>9.1} µs  p50 {p50:>9.1} µs  p99 {p99:>9.1} µs  {ratio:>6.3} × floor");
    }
}
