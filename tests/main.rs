//! SPEAR as its users have it: the real binary, real sockets, real guests.

mod harness;

mod admission;
mod artifacts;
mod chaos;
mod cli;
mod config;
mod consistency;
mod deploys;
mod disk_full;
mod drain;
mod each_guest;
mod escape;
mod health;
mod kv;
mod languages;
mod limits;
mod links;
mod matrix;
mod nodes;
mod objects;
mod own_door;
mod placement;
mod policy;
mod programs;
mod project;
mod restart;
mod shutdown;
mod task_logs;
mod tasks;
mod tidy;
mod worlds;
