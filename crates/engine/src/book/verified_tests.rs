//! Books whose exchange sends a checksum: what is lost, changed or reordered is noticed at the next one.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use colibri_abi::{BookBatch, Level, book_flag};
use colibri_model::{Exponents, MonoNs, Side};
use colibri_standard::{
    BookManifest, BookRule, ChecksumAlgorithm, ChecksumAsks, ChecksumManifest, ChecksumNumbers, ChecksumOrder,
    ChecksumSent,
};
use proptest::prelude::*;

use crate::book::{BookChange, BookChecksum, BookFault, BookKeeper, Grid, OrderBook, SnapshotWanted};

const EXPONENTS: Exponents = Exponents {
    price: -2,
    quantity: -3,
};
const DEPTH: usize = 10;

/// As Kraken has it: no ids, ten levels, the checksum with every message.
fn kraken(sent: ChecksumSent) -> BookManifest {
    BookManifest {
        stream_depth: Some(DEPTH as u32),
        checksum: Some(ChecksumManifest {
            algorithm: ChecksumAlgorithm::Crc32,
            depth: DEPTH as u32,
            order: ChecksumOrder::AsksThenBids,
            numbers: ChecksumNumbers::Digits,
            separator: String::new(),
            asks: ChecksumAsks::Plain,
            sent,
        }),
        ..BookManifest::by_stream(BookRule::Checksum, DEPTH as u32)
    }
}

fn keeper(manifest: &BookManifest) -> BookKeeper {
    BookKeeper::new(manifest, EXPONENTS, Grid::UNIT)
}

#[derive(Debug, Clone, PartialEq)]
struct Message {
    snapshot: bool,
    bids: Vec<Level>,
    asks: Vec<Level>,
    checksum: Option<u32>,
}

fn apply(keeper: &mut BookKeeper, message: &Message) -> BookChange {
    let mut flags = 0;
    if message.snapshot {
        flags |= book_flag::SNAPSHOT;
    }
    if message.checksum.is_some() {
        flags |= book_flag::CHECKSUM;
    }
    let batch = BookBatch {
        instrument: 1,
        flags,
        first_id: 0,
        last_id: 0,
        previous_id: 0,
        exchange_ns: 0,
        checksum: message.checksum.unwrap_or_default(),
        price_exponent: EXPONENTS.price,
        quantity_exponent: EXPONENTS.quantity,
        reserved: 0,
        bids: message.bids.as_slice().into(),
        asks: message.asks.as_slice().into(),
        ext: [0; 4],
    };
    keeper.apply(&batch, MonoNs(1))
}

/// Bids and asks from the best on.
type Told = (Vec<Level>, Vec<Level>);

/// The exchange: the whole book, of which it tells the best ten levels.
#[derive(Debug, Clone, Default)]
struct Exchange {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Exchange {
    fn told(&self) -> Told {
        let level = |(&price, &quantity): (&i64, &i64)| Level { price, quantity };
        (
            self.bids.iter().rev().take(DEPTH).map(level).collect(),
            self.asks.iter().take(DEPTH).map(level).collect(),
        )
    }

    fn checksum(&self) -> u32 {
        let mut book = OrderBook::new(EXPONENTS, Grid::UNIT);
        let (bids, asks) = self.told();
        book.set_all(Side::Buy, &bids).unwrap();
        book.set_all(Side::Sell, &asks).unwrap();
        BookChecksum::new(kraken(ChecksumSent::Always).checksum.unwrap()).of(&book)
    }

    fn snapshot(&self) -> Message {
        let (bids, asks) = self.told();
        Message {
            snapshot: true,
            bids,
            asks,
            checksum: Some(self.checksum()),
        }
    }

    /// Something happens; what of it shows in the best ten levels is told, with what moves up into them.
    fn change(&mut self, buys: bool, offset: i64, quantity: i64) -> Message {
        let before = self.told();
        let (side, price) = if buys {
            (&mut self.bids, 10_000 - offset)
        } else {
            (&mut self.asks, 10_001 + offset)
        };
        match quantity {
            0 => side.remove(&price),
            quantity => side.insert(price, quantity),
        };
        let after = self.told();
        let changes = |before: &[Level], after: &[Level], is_pushed_out: &dyn Fn(i64) -> bool| {
            let gone = before.iter().filter(|b| !after.iter().any(|a| a.price == b.price));
            // What is pushed below the tenth level is not told of.
            let gone = gone.filter(|b| !is_pushed_out(b.price));
            let gone = gone.map(|b| Level {
                price: b.price,
                quantity: 0,
            });
            gone.chain(after.iter().filter(|a| !before.contains(a)).copied())
                .collect::<Vec<_>>()
        };
        Message {
            snapshot: false,
            bids: changes(&before.0, &after.0, &|price| self.bids.contains_key(&price)),
            asks: changes(&before.1, &after.1, &|price| self.asks.contains_key(&price)),
            checksum: Some(self.checksum()),
        }
    }
}

fn known(keeper: &BookKeeper) -> Option<Told> {
    let book = keeper.book()?;
    Some((
        book.raw_levels(Side::Buy).collect(),
        book.raw_levels(Side::Sell).collect(),
    ))
}

/// What happens to one message on its way.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    Lost,
    Quantity,
    Price,
    OtherSide,
    Swapped,
    Repeated,
    Checksum,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        Just(Mishap::Lost),
        Just(Mishap::Quantity),
        Just(Mishap::Price),
        Just(Mishap::OtherSide),
        Just(Mishap::Swapped),
        Just(Mishap::Repeated),
        Just(Mishap::Checksum),
    ]
}

fn befall(messages: &mut Vec<Message>, at: usize, mishap: Mishap) {
    let levels = |message: &mut Message, change: fn(&mut Level)| {
        message.bids.iter_mut().chain(&mut message.asks).for_each(change);
    };
    match mishap {
        Mishap::Lost => drop(messages.remove(at)),
        Mishap::Quantity => levels(&mut messages[at], |level| level.quantity += 1),
        Mishap::Price => levels(&mut messages[at], |level| level.price += 1),
        Mishap::OtherSide => {
            let message = &mut messages[at];
            std::mem::swap(&mut message.bids, &mut message.asks);
        }
        Mishap::Swapped if at + 1 < messages.len() => messages.swap(at, at + 1),
        Mishap::Repeated | Mishap::Swapped => {
            let again = messages[at].clone();
            messages.insert(at, again);
        }
        Mishap::Checksum => messages[at].checksum = messages[at].checksum.map(|sum| sum ^ 1),
    }
}

fn run() -> impl Strategy<Value = Vec<(bool, i64, i64)>> {
    proptest::collection::vec(
        (
            any::<bool>(),
            0i64..30,
            prop_oneof![1 => Just(0i64), 3 => 1i64..100_000],
        ),
        3..120,
    )
}

/// The snapshot, and each message with the book that it leads to.
fn stream(run: &[(bool, i64, i64)]) -> (Message, Vec<(Message, Told)>) {
    let mut exchange = Exchange::default();
    // A form without separators does not tell a lone ask from a lone bid: each side always has a level.
    exchange.change(true, 50, 1);
    exchange.change(false, 50, 1);
    let (first, rest) = run.split_at(run.len() / 2);
    for &(buys, offset, quantity) in first {
        exchange.change(buys, offset, quantity);
    }
    let snapshot = exchange.snapshot();
    let rest = rest.iter().map(|&(buys, offset, quantity)| {
        let message = exchange.change(buys, offset, quantity);
        (message, exchange.told())
    });
    let rest = rest.collect();
    (snapshot, rest)
}

proptest! {
    #[test]
    fn an_undisturbed_stream_is_never_doubted(run in run()) {
        let mut keeper = keeper(&kraken(ChecksumSent::Always));
        let (snapshot, messages) = stream(&run);
        prop_assert_eq!(apply(&mut keeper, &snapshot), BookChange::Synchronized);
        for (message, told) in messages {
            prop_assert_eq!(apply(&mut keeper, &message), BookChange::Applied);
            prop_assert_eq!(known(&keeper), Some(told));
        }
    }

    /// After any message that states a checksum, the book is either the exchange's at that message, or gone.
    #[test]
    fn what_is_disturbed_is_noticed_at_the_next_checksum(run in run(), at in any::<prop::sample::Index>(), mishap in mishap()) {
        let mut keeper = keeper(&kraken(ChecksumSent::Always));
        let (snapshot, messages) = stream(&run);
        let truth: BTreeMap<u32, _> = messages.iter().map(|(m, told)| (m.checksum.unwrap(), told.clone())).collect();
        let mut messages: Vec<Message> = messages.into_iter().map(|(message, _)| message).collect();
        let at = at.index(messages.len());
        befall(&mut messages, at, mishap);
        apply(&mut keeper, &snapshot);
        for message in messages {
            if let BookChange::Dropped(_) = apply(&mut keeper, &message) {
                prop_assert_eq!(keeper.snapshot_wanted(), SnapshotWanted::Subscription);
                prop_assert_eq!(keeper.book().is_none(), true);
                return Ok(());
            }
            let told = message.checksum.and_then(|sum| truth.get(&sum).cloned());
            prop_assert_eq!(known(&keeper), told);
        }
    }

    /// Where the checksum comes in messages of its own, as Bitfinex has it, a loss is noticed by the time that it comes.
    #[test]
    fn a_checksum_by_itself_judges_what_came_before(run in run(), every in 1usize..9, lost in any::<prop::sample::Index>()) {
        let mut keeper = keeper(&kraken(ChecksumSent::Sometimes));
        let (snapshot, messages) = stream(&run);
        let lost = lost.index(messages.len());
        apply(&mut keeper, &snapshot);
        for (at, (message, told)) in messages.into_iter().enumerate() {
            let plain = Message { checksum: None, ..message.clone() };
            if at != lost {
                match apply(&mut keeper, &plain) {
                    BookChange::Applied => {}
                    // A loss may show as a crossed book before.
                    change => { prop_assert!(at > lost, "{:?}", change); return Ok(()); }
                }
            }
            if at % every == 0 {
                let sum = Message { snapshot: false, bids: vec![], asks: vec![], checksum: message.checksum };
                match apply(&mut keeper, &sum) {
                    BookChange::Applied => prop_assert_eq!(known(&keeper), Some(told)),
                    change => {
                        let by_sum = matches!(change, BookChange::Dropped(BookFault::Checksum { .. }));
                        prop_assert!(by_sum && at >= lost, "{:?}", change);
                        return Ok(());
                    }
                }
            }
        }
    }
}

#[test]
fn a_message_without_the_checksum_that_it_must_have_is_a_fault() {
    let mut exchange = Exchange::default();
    exchange.change(true, 1, 5);
    let bare = Message {
        checksum: None,
        ..exchange.change(false, 1, 5)
    };
    let mut keeper = keeper(&kraken(ChecksumSent::Always));
    let snapshot = exchange.snapshot();
    assert_eq!(apply(&mut keeper, &snapshot), BookChange::Synchronized);
    assert_eq!(
        apply(&mut keeper, &bare),
        BookChange::Dropped(BookFault::MissingChecksum)
    );
    let wrong = Message {
        checksum: Some(1),
        ..snapshot.clone()
    };
    assert!(matches!(
        apply(&mut keeper, &wrong),
        BookChange::Dropped(BookFault::Checksum { stated: 1, .. })
    ));
    assert_eq!(keeper.drops(), 1);
    assert_eq!(apply(&mut keeper, &snapshot), BookChange::Synchronized);
}
