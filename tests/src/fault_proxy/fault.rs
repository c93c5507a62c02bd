//! The faults, where each strikes, and the order in which they come.

use std::collections::BTreeMap;

use colibri_model::SplitMix64;

/// Where a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A connection, before anything is said on it.
    Connection,
    /// A request, or its answer.
    Request,
    /// The handshake of a stream.
    Handshake,
    /// A frame that the exchange sends.
    Frame,
}

impl Place {
    /// One in so many meets a fault, on average.
    const fn every(self) -> u64 {
        match self {
            Place::Connection => 3,
            Place::Request => 6,
            Place::Handshake => 3,
            Place::Frame => 15,
        }
    }
}

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $place:ident;)*) => {
        /// A fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $variant,)* }

        impl Fault {
            /// Every fault.
            pub const ALL: &[Fault] = &[$(Fault::$variant,)*];

            /// Its name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Fault::$variant => $name,)* }
            }
            /// Where it strikes.
            #[must_use]
            pub const fn place(self) -> Place {
                match self { $(Fault::$variant => Place::$place,)* }
            }
        }
    };
}

faults! {
    /// Nobody listens for a while.
    PortClosed = "port closed", Connection;
    /// A connection is reset as soon as it stands.
    ConnectionReset = "connection reset", Connection;
    /// The TLS handshake is never answered.
    TlsStalled = "TLS handshake stalled", Connection;
    /// The TLS handshake is answered with what is no TLS.
    TlsGarbage = "TLS handshake answered with garbage", Connection;
    /// The TLS handshake is cut within a record.
    TlsCut = "TLS handshake cut within a record", Connection;
    /// The certificate is from an authority that nobody trusts.
    UntrustedCertificate = "certificate of an unknown authority", Connection;
    /// The certificate is somebody else's.
    OthersCertificate = "certificate of another name", Connection;
    /// The certificate has expired.
    ExpiredCertificate = "certificate expired", Connection;

    /// A reset before the request was passed on.
    RequestReset = "reset before the request was passed on", Request;
    /// The request goes nowhere, and nothing tells of it.
    RequestSwallowed = "request swallowed", Request;
    /// The request is passed on late.
    RequestDelayed = "request delayed", Request;
    /// Not passed on, answered with 503 and a page for people.
    Status503 = "status 503, not passed on", Request;
    /// Passed on, and the connection is reset before the answer.
    AnswerReset = "reset after the request was passed on", Request;
    /// Passed on, the answer goes nowhere, and nothing tells of it.
    AnswerSwallowed = "answer swallowed", Request;
    /// Passed on, answered late.
    AnswerDelayed = "answer delayed", Request;
    /// Passed on, and the connection is closed in order amid the answer's body.
    BodyCut = "answer cut amid its body", Request;
    /// Passed on, and the connection is closed within a TLS record of the answer.
    RecordCut = "answer cut within a TLS record", Request;
    /// Passed on, and the answer's TLS record is garbage.
    RecordGarbage = "garbage for a TLS record", Request;
    /// Passed on, and answered with what is no HTTP.
    NoHttp = "answer that is no HTTP", Request;
    /// Passed on, and answered with a page for people and status 200.
    Html200 = "HTML with status 200", Request;
    /// Passed on, and answered with 502.
    Status502 = "status 502, passed on", Request;
    /// Passed on, and answered byte by byte.
    AnswerDripped = "answer byte by byte", Request;

    /// The handshake of a stream is refused with 503.
    HandshakeRefused = "stream refused with 503", Handshake;
    /// The handshake of a stream is never answered.
    HandshakeSwallowed = "stream handshake swallowed", Handshake;

    /// A frame is dropped.
    FrameDropped = "frame dropped", Frame;
    /// A frame comes twice.
    FrameDuplicated = "frame duplicated", Frame;
    /// A frame comes byte by byte.
    FrameDripped = "frame byte by byte", Frame;
    /// Half a frame comes, and then a reset.
    FrameCut = "frame cut, then a reset", Frame;
    /// A frame is cut within its TLS record.
    FrameRecordCut = "frame cut within a TLS record", Frame;
    /// What comes is no frame.
    FrameGarbage = "bytes that are no frame", Frame;
    /// The connection is reset between two frames.
    StreamReset = "stream reset", Frame;
    /// The connection is closed between two frames, without a close frame.
    StreamClosed = "stream closed without a close frame", Frame;
    /// Nothing flows any more, and nothing tells of it.
    StreamHalfOpen = "stream half open", Frame;
    /// Nothing flows for a while, then everything comes at once.
    StreamStalled = "stream stalled", Frame;
}

/// Whether faults strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// None do.
    Calm,
    /// Each does once.
    Passing,
    /// They do, again and again.
    Lasting,
}

/// Draws faults. At each place they come as from a shuffled deck of cards: each once before any comes again.
#[derive(Debug)]
pub struct Dice {
    /// Whether faults strike.
    pub weather: Weather,
    /// How often each fault struck.
    pub struck: BTreeMap<Fault, u64>,
    random: SplitMix64,
    decks: BTreeMap<Place, Deck>,
}

#[derive(Debug, Default)]
struct Deck {
    cards: Vec<Fault>,
    /// Chances that pass before the next card is played.
    wait: u64,
    /// How often the deck was shuffled.
    rounds: u32,
}

impl Dice {
    /// Dice of a seed, in calm weather.
    #[must_use]
    pub fn new(seed: u64) -> Dice {
        Dice {
            weather: Weather::Calm,
            struck: Fault::ALL.iter().map(|fault| (*fault, 0)).collect(),
            random: SplitMix64::new(seed),
            decks: BTreeMap::new(),
        }
    }

    /// What goes wrong at this chance; mostly nothing.
    pub fn draw(&mut self, place: Place) -> Option<Fault> {
        if self.weather == Weather::Calm {
            return None;
        }
        let deck = self.decks.entry(place).or_default();
        if deck.wait > 0 {
            deck.wait -= 1;
            return None;
        }
        if deck.cards.is_empty() {
            if self.weather == Weather::Passing && deck.rounds > 0 {
                return None;
            }
            deck.rounds += 1;
            deck.cards
                .extend(Fault::ALL.iter().filter(|fault| fault.place() == place));
            for last in (1..deck.cards.len()).rev() {
                let other = self.random.below(last as u64 + 1);
                deck.cards.swap(last, usize::try_from(other).unwrap_or(last));
            }
        }
        deck.wait = self.random.below(2 * place.every() - 1);
        let fault = deck.cards.pop()?;
        *self.struck.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_comes_once_before_any_comes_again_and_none_in_calm_weather() {
        let mut dice = Dice::new(3);
        assert_eq!(dice.draw(Place::Frame), None);
        dice.weather = Weather::Passing;
        let frames = Fault::ALL.iter().filter(|f| f.place() == Place::Frame).count();
        let drawn = (0..10_000).filter_map(|_| dice.draw(Place::Frame)).count();
        let wrong = |(fault, times): &(&Fault, &u64)| **times != u64::from(fault.place() == Place::Frame);
        assert_eq!((drawn, dice.struck.iter().find(wrong)), (frames, None));
        dice.weather = Weather::Lasting;
        assert!((0..10_000).filter_map(|_| dice.draw(Place::Frame)).count() > 100);
    }
}
