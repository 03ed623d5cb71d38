//! Programs as processes and as containers: one table of cases for both, and for components where a guest does the same.
//!
//! ```text
//! case(stage) ─┬▶ process::case ─▶ Stage: spear up, the agent, functions of `sh`
//!              ├▶ docker::case  ─▶ the same with a real engine; skipped with a word on stderr where there is none
//!              └▶ wasm::case    ─▶ the same with a guest in place of the script
//! ```

#[allow(dead_code, reason = "the agent's own tests need all of it")]
#[path = "../../host/agents/tests/docker/engine.rs"]
pub(crate) mod engine;
pub(crate) mod stage;
pub(crate) mod traces;

/// A test of each case for each of these agents.
macro_rules! on {
    ($($agents:tt: $($case:ident),+);+ $(;)?) => { $($crate::programs::on! { @each $agents [$($case),+] })+ };
    (@each [$($agent:ident),+] $cases:tt) => { $($crate::programs::on! { @one $agent $cases })+ };
    (@one $agent:ident [$($case:ident),+]) => {
        mod $agent {
            $(#[tokio::test]
            async fn $case() {
                if let Some(stage) = $crate::programs::stage::$agent().await {
                    super::$case(stage).await;
                }
            })+
        }
    };
}
use on;

mod bounds;
mod calls;
mod ends;
mod fallback;
mod hostcalls;
mod killed;
mod replies;
mod shut_in;
mod stopped;
mod warm;
