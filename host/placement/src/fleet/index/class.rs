//! Which nodes are alike, so that they lie in one cell of a view.
//!
//! ```text
//! pack:   free memory ▲  cells of half an octave each; a run looks at the cells from its own size on, up and right:
//!                     │  what it asks may be free there
//!                     └──▶ free cpu        twice: nodes with runs, and nodes without
//! spread: 64 cells by the share of what is used most
//! ```

use spear_types::{PlacementPolicy, Resources};

use super::Room;
use crate::fleet::mix::Free;

/// Cells of an octave: with two, what is free on the nodes of a cell differs by two fifths at the most. Four cells found
/// no better places, and took longer.
const STEPS: u32 = 2;

/// Classes of sizes: of thousandths of a core up to 4 million cores, and of MiB up to 4 PiB. What is larger is in the last.
const CLASSES: u16 = 1 << 6;

/// Cells of a view that spreads.
const LEVELS: f64 = 64.0;

/// Which cell: for views that pack, empty or not, cpu, memory; for those that spread, the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Class(u16);

impl Class {
    pub(super) fn of(policy: PlacementPolicy, room: &Room) -> Self {
        match policy {
            PlacementPolicy::Pack => {
                let empty = u16::from(room.empty) * CLASSES * CLASSES;
                Self(empty + cpu_class(room.free) * CLASSES + memory_class(room.free))
            }
            // Rounding down is what is meant; the share is 0 to 1.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 64")]
            PlacementPolicy::Spread => Self((room.used * LEVELS) as u16),
        }
    }

    /// What is free on a node in the middle of a cell of a view that packs.
    pub(super) fn middle(self) -> Free {
        let (cpu, mebibytes) = (size(self.0 / CLASSES % CLASSES), size(self.0 % CLASSES));
        Free { slots: f64::INFINITY, cpu, memory: mebibytes * f64::from(1 << 20) }
    }

    /// Whether the nodes of a cell of a view that packs are empty.
    pub(super) fn is_empty(self) -> bool {
        self.0 >= CLASSES * CLASSES
    }

    /// Whether that much may be free on a node of a cell of a view that packs.
    pub(super) fn may_fit(self, asked: Resources) -> bool {
        self.0 / CLASSES % CLASSES >= cpu_class(asked) && self.0 % CLASSES >= memory_class(asked)
    }

    /// The level of a cell of a view that spreads.
    pub(super) fn level(self) -> u16 {
        self.0
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
