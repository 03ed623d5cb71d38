use std::{collections::VecDeque, time::Duration};

use futures::FutureExt as _;
use spear_types::InstanceCounts;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::*;

/// An instance with a number; 0 has ended while it waited.
#[derive(Debug, PartialEq)]
struct Numbered(u32);

impl Instance for Numbered {
    fn is_over(&mut self) -> bool {
        self.0 == 0
    }

    async fn end(self) {}
}

/// Starts what it was given, and cannot when it has nothing left.
struct Starts {
    warm: Warm<Numbered>,
    left: Mutex<VecDeque<u32>>,
    asked: AtomicU32,
}

impl Keeper for Starts {
    type Instance = Numbered;

    fn warm(&self) -> Option<&Warm<Numbered>> {
        Some(&self.warm)
    }

    async fn start(&self) -> Result<Numbered, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.left.lock().unwrap().pop_front().map(Numbered).ok_or_else(|| "nothing is left".to_owned())
    }
}

fn starts(pool: Pool, numbers: impl IntoIterator<Item = u32>) -> (Arc<Starts>, Arc<Counts>) {
    let counts = Arc::default();
    let left = Mutex::new(numbers.into_iter().collect());
    let warm = Warm::new(pool, &counts);
    (Arc::new(Starts { warm, left, asked: AtomicU32::new(0) }), counts)
}

fn kept(starts: &Arc<Starts>, closing: &CancellationToken) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(keep(Arc::downgrade(starts), closing.clone())))
}

fn warm(pool: Pool) -> (Warm<Numbered>, Arc<Counts>) {
    let counts = Arc::default();
    (Warm::new(pool, &counts), counts)
}

/// Serves a call, and starts `number` where none waits. Which one served.
fn serve(warm: &Warm<Numbered>, number: u32) -> u32 {
    let turn = warm.try_turn().unwrap();
    let kept = turn.take().unwrap_or_else(|vacancy| vacancy.filled(Numbered(number)));
    let served = kept.0;
    warm.give_back(kept);
    served
}

#[test]
fn the_one_that_waited_least_serves_and_its_calls_are_hits() {
    let (warm, counts) = warm(Pool::default());
    let (first, second) = (warm.try_turn().unwrap(), warm.try_turn().unwrap());
    let start = |turn: &Turn<'_, Numbered>, number| turn.take().err().unwrap().filled(Numbered(number));
    let (one, two) = (start(&first, 1), start(&second, 2));
    assert!(warm.give_back(one).is_none() && warm.give_back(two).is_none());
    drop((first, second));
    assert_eq!([serve(&warm, 3), serve(&warm, 3)], [2, 2]);
    assert_eq!(counts.read(), InstanceCounts { idle: 2, hits: 2, misses: 2, starts: 2 });
    assert_eq!(warm.give_up(), Some(Numbered(1)), "the longest goes first");
    drop(warm);
    assert_eq!(counts.read().idle, 0);
}

#[test]
fn one_that_served_its_calls_or_is_too_old_is_replaced() {
    let (warm, _) = warm(Pool { calls: 2, ..Pool::default() });
    assert_eq!([1, 2, 3, 4, 5].map(|number| serve(&warm, number)), [1, 1, 3, 3, 5]);
    let (warm, _) = self::warm(Pool { age: Duration::ZERO, ..Pool::default() });
    assert_eq!([1, 2].map(|number| serve(&warm, number)), [1, 2]);
}

#[test]
fn one_that_ended_while_it_waited_serves_nobody() {
    let (warm, counts) = warm(Pool::default());
    assert_eq!([0, 7].map(|number| serve(&warm, number)), [0, 7]);
    assert_eq!(counts.read(), InstanceCounts { idle: 1, hits: 0, misses: 2, starts: 2 });
}

#[test]
fn who_waits_for_a_turn_misses_and_no_more_are_busy_than_may_be() {
    let (warm, counts) = warm(Pool { max: 1, ..Pool::default() });
    serve(&warm, 1);
    let turn = warm.try_turn().unwrap();
    let kept = turn.take().ok().unwrap();
    assert!(warm.try_turn().is_none());
    let mut waiting = Box::pin(warm.turn());
    assert!(waiting.as_mut().now_or_never().is_none());
    warm.give_back(kept);
    drop(turn);
    let turn = waiting.now_or_never().unwrap().unwrap();
    assert_eq!(turn.take().map(|kept| kept.0).ok(), Some(1));
    assert_eq!((counts.read().hits, counts.read().misses), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn so_many_are_started_ahead_and_again_when_one_is_lost() {
    let (starts, counts) = starts(Pool { min: 2, max: 2, ..Pool::default() }, 1..100);
    let _keeper = kept(&starts, &CancellationToken::new());
    let idle = async |idle| {
        while counts.read().idle != idle {
            tokio::task::yield_now().await;
        }
    };
    idle(2).await;
    let turn = starts.warm.try_turn().unwrap();
    drop(turn.take().ok().unwrap());
    drop(turn);
    idle(2).await;
    assert_eq!(counts.read(), InstanceCounts { idle: 2, hits: 1, misses: 0, starts: 3 });
}

#[tokio::test(start_paused = true)]
async fn what_does_not_start_is_tried_every_few_seconds_and_not_more_often() {
    let (starts, _) = starts(Pool { min: 1, idle: Duration::from_millis(1), ..Pool::default() }, []);
    let _keeper = kept(&starts, &CancellationToken::new());
    tokio::time::advance(Duration::from_millis(1)).await;
    for _ in 0..30 {
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    let asked = starts.asked.load(Ordering::Relaxed);
    assert!((5..=7).contains(&asked), "{asked} times in 30 s");
}

#[tokio::test(start_paused = true)]
async fn those_that_nobody_calls_go_down_to_the_least_and_to_none_once_their_pool_is_retired_or_closed() {
    let pool = Pool { min: 1, idle: Duration::from_millis(1), ..Pool::default() };
    let (starts, counts) = starts(pool, 1..100);
    let turns = [0; 3].map(|_| starts.warm.try_turn().unwrap());
    let busy = [0, 1, 2].map(|n: usize| turns[n].take().err().unwrap().filled(Numbered(1)));
    busy.into_iter().for_each(|kept| assert!(starts.warm.give_back(kept).is_none()));
    drop(turns);
    assert_eq!(counts.read().idle, 3);
    let closing = CancellationToken::new();
    let keeper = kept(&starts, &closing);
    tokio::task::yield_now().await;
    while counts.read().idle != 1 {
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    starts.warm.retire();
    while counts.read().idle != 0 {
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    serve(&starts.warm, 1);
    assert_eq!(counts.read().idle, 1);
    closing.cancel();
    keeper.await.unwrap();
    assert_eq!(counts.read().idle, 0);
    assert!(starts.warm.turn().await.is_none());
}
