//! Every guest, a file each: a guest without one does not compile.

mod calc;
mod chatter;
mod cli;
mod counter;
mod courier;
mod dial;
mod echo;
mod env_peek;
mod fail;
mod fan_out;
mod fetch;
mod files;
mod flaky;
mod flood;
mod greedy;
mod hello;
mod hoarder;
mod hog;
mod keyvalue;
mod panic;
mod printer;
mod relay;
mod settings;
mod slow_log;
mod snoop;
mod spin;
mod status;
mod store;
mod thumbnail;
mod trap;
mod values;
mod vault;
mod web;
mod word_count;

macro_rules! assert_has_tests {
    ($guest:ident) => {
        #[expect(unused_imports, reason = "only that there is such a file matters")]
        use self::$guest as _;
    };
}
spear_test_guests::foreach_guest!(assert_has_tests);
