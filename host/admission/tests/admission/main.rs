//! Components made by hand, honest and hostile, through the public door.

mod component;
mod debug;
mod hostile;
mod read;
mod review;
