//! What recording costs: a pass is one second of a busy venue, ten thousand messages (seven in ten are depth frames of a
//! kilobyte, two are trades, one tells of an order), each followed by a turn. So 20 ms a pass are 2 % of a core, 2 µs a
//! message.
//!
//! "keep and digest" runs on the engine's thread, "compress" on the recording's own; "all in" is both, one after the other.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::io;

use colibri_abi::{BookBatch, Level, PublicTrade, Text48, TradeBatch};
use colibri_desk::{DeskInput, Observer};
use colibri_driver::{DriverIndex, FrameKind, HostTime, Input, StreamId};
use colibri_engine::VenueIndex;
use colibri_model::{MonoNs, SplitMix64, WallNs};
use colibri_record::{Block, Packer, Recorder, RunSetup};
use colibri_standard::Event;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const MESSAGES: u64 = 10_000;
const LEVELS: u64 = 14;

enum Told {
    Book { bids: Vec<Level>, asks: Vec<Level> },
    Trade(PublicTrade),
    Order(Box<Event>),
}

struct Message {
    frame: String,
    told: Told,
}

fn side(random: &mut SplitMix64, price: i64, sign: i64) -> (Vec<Level>, String) {
    let mut levels = Vec::new();
    let mut text = Vec::new();
    for step in 1..=LEVELS {
        let price = price + sign * (step * 3 + random.below(3)).cast_signed();
        let quantity = random.below(300_000).cast_signed();
        levels.push(Level { price, quantity });
        text.push(format!(
            "[\"{}.{:02}000000\",\"0.{quantity:06}00\"]",
            price / 100,
            price % 100
        ));
    }
    (levels, text.join(","))
}

fn depth(random: &mut SplitMix64, number: u64) -> Message {
    let touch = 5_993_000 + random.below(2_000).cast_signed();
    let (bids, b) = side(random, touch, -1);
    let (asks, a) = side(random, touch, 1);
    let frame = format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{},"s":"BTCUSDT","U":{},"u":{},"b":[{b}],"a":[{a}]}}}}"#,
        1_795_278_935_059 + number,
        number * 28,
        number * 28 + 27
    );
    let told = Told::Book { bids, asks };
    Message { frame, told }
}

fn trade(random: &mut SplitMix64, number: u64) -> Message {
    let price = 5_993_000 + random.below(2_000).cast_signed();
    let quantity = random.below(300_000).cast_signed();
    let frame = format!(
        r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{number},"s":"BTCUSDT","t":{number},"p":"{}.{:02}000000","q":"0.{quantity:06}00","T":{number},"m":true,"M":true}}}}"#,
        price / 100,
        price % 100
    );
    let told = Told::Trade(PublicTrade {
        price,
        quantity,
        exchange_ns: number.cast_signed(),
        flags: 0,
        reserved: 0,
        id: Text48::new(&number.to_string()).unwrap(),
    });
    Message { frame, told }
}

fn order(number: u64) -> Message {
    let payload = format!(
        r#"{{"instrument":1,"symbol":"BTCUSDT","client_id":"clbfdst2gz1m7zf{number:08}","exchange_id":"{number}","source":"stream","status":"open","side":"sell","order_type":"limit_maker","time_in_force":"gtc","price":"59960.82000000","quantity":"0.00200000","filled":"0.00000000","filled_quote":"0.00000000","exchange_time":1795278939006459000}}"#
    );
    let event = Event::parse("order", payload.as_bytes()).unwrap().unwrap();
    let told = Told::Order(Box::new(event));
    Message { frame: payload, told }
}

fn second() -> Vec<Message> {
    let mut random = SplitMix64::new(1);
    (0..MESSAGES)
        .map(|number| match number % 10 {
            0..7 => depth(&mut random, number),
            7 | 8 => trade(&mut random, number),
            _ => order(number),
        })
        .collect()
}

fn tell(observer: &mut impl Observer, told: &Told) {
    let venue = VenueIndex(0);
    match told {
        Told::Book { bids, asks } => observer.book(
            venue,
            &BookBatch {
                instrument: 1,
                flags: 0,
                first_id: 1,
                last_id: 2,
                previous_id: 0,
                exchange_ns: 1,
                checksum: 0,
                price_exponent: -2,
                quantity_exponent: -8,
                reserved: 0,
                bids: bids.as_slice().into(),
                asks: asks.as_slice().into(),
                ext: [0; 4],
            },
        ),
        Told::Trade(trade) => observer.trades(
            venue,
            &TradeBatch {
                instrument: 1,
                flags: 0,
                price_exponent: -2,
                quantity_exponent: -8,
                trades: std::slice::from_ref(trade).into(),
                ext: [0; 4],
            },
        ),
        Told::Order(event) => observer.event(venue, event),
    }
}

struct Running {
    recorder: Recorder,
    now: u64,
}

impl Running {
    fn new() -> Running {
        let setup = RunSetup {
            host_version: String::new(),
            bot_file: String::new(),
            engine_seed: 1,
            venues: Vec::new(),
        };
        Running {
            recorder: Recorder::new(&setup, &[]),
            now: 0,
        }
    }

    /// Records a second, and gives each block to `take`, which gives it back.
    fn record(&mut self, messages: &[Message], mut take: impl FnMut(Block) -> Block) {
        for message in messages {
            self.now += 1_000_000_000 / MESSAGES;
            let time = HostTime::new(MonoNs(self.now), WallNs(self.now.cast_signed()));
            let input = DeskInput::Driver {
                driver: DriverIndex(0),
                input: Input::Frame {
                    stream: StreamId(1),
                    kind: FrameKind::Text,
                    bytes: message.frame.as_bytes(),
                },
            };
            self.recorder.keep(time, &input);
            tell(self.recorder.digest(), &message.told);
            self.recorder.posted(time.mono, None, |_| {});
            self.recorder.keep(time, &DeskInput::Turn);
            self.recorder.posted(time.mono, None, |_| {});
            while let Some(block) = self.recorder.next_block() {
                self.recorder.give_back(take(block).entries);
            }
        }
    }
}

fn recording(criterion: &mut Criterion) {
    let messages = second();
    let bytes: usize = messages.iter().map(|message| message.frame.len()).sum();
    let (mut packer, mut written) = (Packer::default(), 0);
    Running::new().record(&messages, |block| {
        written += packer.write(&block, &mut io::sink()).unwrap();
        block
    });
    println!("a second: {bytes} bytes of frames, {written} bytes on disk");

    let mut group = criterion.benchmark_group("10,000 messages");
    group.throughput(Throughput::Elements(MESSAGES));
    let mut running = Running::new();
    group.bench_function("keep and digest", |bencher| {
        bencher.iter(|| running.record(&messages, black_box));
    });
    let mut blocks = Vec::new();
    Running::new().record(&messages, |block| {
        blocks.push(block.clone());
        block
    });
    group.bench_function("compress", |bencher| {
        bencher.iter(|| {
            blocks
                .iter()
                .map(|block| block.write(&mut io::sink()).unwrap())
                .sum::<u64>()
        });
    });
    let mut running = Running::new();
    group.bench_function("all in", |bencher| {
        bencher.iter(|| {
            running.record(&messages, |block| {
                black_box(packer.write(&block, &mut io::sink()).unwrap());
                block
            });
        });
    });
    group.finish();
}

criterion_group!(benches, recording);
criterion_main!(benches);
