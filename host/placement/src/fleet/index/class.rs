//! Which nodes are alike, so that they lie in one cell of a view.
//!
//! ```text
//! pack:   free memory ▲  cells of half an octave each; what a run asks may be free in the cells from its
//!                     │  own size on, up and right
//!                     └──▶ free cpu        twice: nodes with runs, and nodes without
//! spread: the same for each sixteenth of what is used most
//! ```

use spear_types::{PlacementPolicy, Resources};

use super::Room;
use crate::fleet::mix::Free;

/// Cells of an octave: with two, what is free on the nodes of a cell differs by two fifths at the most. That is fine enough
/// to find candidates, which are scored exactly.
const STEPS: u32 = 2;

/// Classes of sizes: of thousandths of a core up to 4 million cores, and of MiB up to 4 PiB. What is larger is in the last.
const CLASSES: u16 = 1 << 6;

/// How full nodes are that are alike, in sixteenths.
const LEVELS: f64 = 16.0;

/// Which cell: the group, the class of free cpu, that of free memory. The group is how full nodes are in views that spread;
/// in those that pack, whether they are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Class(u16);

impl Class {
    pub(super) fn of(policy: PlacementPolicy, room: &Room) -> Self {
        let group = match policy {
            PlacementPolicy::Pack => u16::from(room.empty),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the share is 0 to 1")]
            PlacementPolicy::Spread => ((room.used * LEVELS) as u16).min(LEVELS as u16 - 1),
        };
        Self((group * CLASSES + cpu_class(room.free)) * CLASSES + memory_class(room.free))
    }

    /// What is free on a node in the middle of the cell.
    pub(super) fn middle(self) -> Free {
        let (cpu, mebibytes) = (size(self.0 / CLASSES % CLASSES), size(self.0 % CLASSES));
        Free { slots: f64::INFINITY, cpu, memory: mebibytes * f64::from(1 << 20) }
    }

    pub(super) fn group(self) -> u16 {
        self.0 / CLASSES / CLASSES
    }

    /// Whether that much may be free on a node of the cell.
    pub(super) fn may_fit(self, asked: Resources) -> bool {
        self.0 / CLASSES % CLASSES >= cpu_class(asked) && self.0 % CLASSES >= memory_class(asked)
    }
}

fn cpu_class(resources: Resources) -> u16 {
    class(resources.cpu.as_millis().into())
}

fn memory_class(resources: Resources) -> u16 {
    class(resources.memory >> 20)
}

/// The exponent of two, and the first bit after it.
fn class(size: u64) -> u16 {
    let Some(exponent) = size.checked_ilog2() else { return 0 };
    let half = if exponent == 0 { 0 } else { size >> (exponent - 1) & 1 };
    // Below 2 × 64.
    #[expect(clippy::cast_possible_truncation, reason = "it is at most 127")]
    let class = (exponent * STEPS + 1) as u16 + half as u16;
    class.min(CLASSES - 1)
}

/// The middle of a class.
fn size(class: u16) -> f64 {
    match class.checked_sub(1) {
        None => 0.0,
        Some(steps) => f64::exp2(f64::from(steps) / f64::from(STEPS)) * 1.2,
    }
}
