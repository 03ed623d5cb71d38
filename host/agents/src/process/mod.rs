//! Programs as processes of the node's machine.
