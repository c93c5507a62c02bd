//! The faults, one by one.

use super::stage::{Face, Stage};

/// Where a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// One of the next HTTP requests, or its answer.
    Request,
    /// One of the next frames that the exchange sends.
    Frame,
    /// The next handshake of a stream.
    Handshake,
    /// The exchange, at once.
    Exchange,
    /// The host's process, its disk or its clock, at once.
    Host,
}

impl Fault {
    /// Whether it can happen at a face of the exchange.
    #[must_use]
    pub const fn is_of(self, face: Face) -> bool {
        match self {
            Fault::PriceShock
            | Fault::Deleveraged
            | Fault::OutsideTrade
            | Fault::LeverageChanged
            | Fault::ModesChanged
            | Fault::TriggerCancelled
            | Fault::ListenKeyExpired => matches!(face, Face::Contracts),
            _ => true,
        }
    }

    /// Whether it can happen where a seed trades.
    #[must_use]
    pub fn can_strike(self, stage: Stage) -> bool {
        stage.faces().iter().any(|face| self.is_of(*face))
    }
}

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $place:ident, $weight:literal;)*) => {
        /// A fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $variant,)* }

        impl Fault {
            /// Each of them.
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
            /// The fault of this name; hyphens count as spaces, capitals as small letters.
            #[must_use]
            pub fn named(name: &str) -> Option<Fault> {
                let plain = |name: &str| name.to_lowercase().replace('-', " ");
                Fault::ALL.iter().copied().find(|fault| plain(fault.name()) == plain(name))
            }
            /// How often it is drawn beside the others, in a mix.
            #[must_use]
            pub const fn weight(self) -> u64 {
                match self { $(Fault::$variant => $weight,)* }
            }
        }
    };
}

faults! {
    /// No byte of a request is written.
    ConnectionRefused = "connection refused", Request, 3;
    /// A request is lost before it is executed, and the connection with it.
    RequestLost = "request lost", Request, 6;
    /// A request is lost, and nothing tells of it.
    RequestSwallowed = "request swallowed", Request, 3;
    /// A request arrives late.
    RequestDelayed = "request delayed", Request, 6;
    /// The answer to an executed request is lost, and the connection with it.
    AnswerLost = "answer lost", Request, 8;
    /// The answer to an executed request is lost, and nothing tells of it.
    AnswerSwallowed = "answer swallowed", Request, 4;
    /// The answer to an executed request comes late, perhaps after its deadline.
    AnswerDelayed = "answer delayed", Request, 6;
    /// The answer to an executed request is cut.
    AnswerTruncated = "answer truncated", Request, 4;
    /// The answer to an executed request is no JSON.
    AnswerMalformed = "answer malformed", Request, 4;
    /// The answer to an executed request is a page for people.
    AnswerHtml = "HTML with status 200", Request, 4;
    /// An answer has members that nobody has documented.
    AnswerUnknownFields = "answer with unknown members", Request, 3;
    /// Status 400, not executed.
    Status400 = "status 400", Request, 2;
    /// Status 401, not executed.
    Status401 = "status 401", Request, 2;
    /// Status 403, not executed.
    Status403 = "status 403", Request, 2;
    /// Status 404 of a front server, not executed.
    Status404 = "status 404", Request, 2;
    /// Status 408; executed or not.
    Status408 = "status 408", Request, 3;
    /// Status 418: a ban.
    Status418 = "status 418", Request, 1;
    /// Status 429, not executed.
    Status429 = "status 429", Request, 3;
    /// Status 5xx, not executed.
    Status5xx = "status 5xx, not executed", Request, 5;
    /// Status 5xx although executed.
    Status5xxExecuted = "status 5xx, executed", Request, 8;
    /// A read that lags the exchange's engine: a young order is denied, an older answer comes again.
    StaleRead = "stale read", Request, 6;
    /// A snapshot of a book that was given before is given again.
    SnapshotRepeated = "snapshot repeated", Request, 4;

    /// A frame is dropped: a gap.
    FrameDropped = "frame dropped", Frame, 6;
    /// A frame comes twice.
    FrameDuplicated = "frame duplicated", Frame, 4;
    /// A frame is overtaken by the next of its stream.
    FrameReordered = "frames reordered", Frame, 4;
    /// A frame is no JSON.
    FrameMalformed = "frame malformed", Frame, 3;
    /// A frame has members that nobody has documented.
    FrameUnknownFields = "frame with unknown members", Frame, 3;
    /// An event of a kind that nobody has documented comes before a frame.
    FrameUnknownKind = "frame of an unknown kind", Frame, 3;
    /// A frame comes with values of enumerations that nobody has documented.
    FrameUnknownValue = "frame with unknown values", Frame, 3;
    /// A depth update has a bid above every ask.
    BookCrossed = "book crossed", Frame, 4;
    /// A stream is closed with a code.
    StreamClosed = "stream closed", Frame, 4;
    /// A stream is cut without a code.
    StreamCut = "stream cut", Frame, 4;
    /// A stream is half open: nothing comes through any more, and nothing tells of it.
    StreamHalfOpen = "stream half open", Frame, 4;
    /// A stream lags by seconds.
    StreamLagging = "stream lagging", Frame, 4;

    /// A handshake is refused with a status.
    HandshakeRefused = "handshake refused", Handshake, 2;
    /// A handshake is not answered within its deadline.
    HandshakeSilent = "handshake not answered", Handshake, 2;

    /// The exchange announces that it goes, and closes every stream.
    Shutdown = "exchange shutdown", Exchange, 2;
    /// The exchange is gone for seconds: streams are cut, connections refused, what was on its way is lost.
    ExchangeRestart = "exchange restart", Exchange, 2;
    /// For up to minutes every request is answered with 503, every stream is cut; nothing was announced.
    Maintenance = "maintenance", Exchange, 1;
    /// A symbol takes no orders for a while.
    SymbolHalted = "symbol halted", Exchange, 2;
    /// A symbol takes cancels only for a while, and is shown as trading.
    CancelOnly = "symbol cancel-only", Exchange, 2;
    /// Tick, lot and least notional of a symbol change; the instruments show it later.
    RulesChanged = "trading rules changed", Exchange, 3;
    /// Funds come or go without an order.
    OutsideTransfer = "balance changed from outside", Exchange, 3;
    /// Nearly all that is free of an asset is withdrawn, and comes back later.
    FundsWithdrawn = "funds withdrawn", Exchange, 1;
    /// Somebody else places an order with the account, sometimes under a name like ours.
    OutsideOrder = "order placed from outside", Exchange, 5;
    /// An open order is cancelled by somebody else.
    OutsideCancel = "order cancelled from outside", Exchange, 4;

    /// The price of a contract jumps by up to nine percent, its mark with it: positions may be liquidated, the insurance fund
    /// may have to pay, or cannot.
    PriceShock = "price shock", Exchange, 3;
    /// A position answers for somebody else's liquidation.
    Deleveraged = "position deleveraged", Exchange, 3;
    /// Somebody else trades contracts with the account.
    OutsideTrade = "position changed from outside", Exchange, 4;
    /// Somebody else changes the leverage of a contract for a while.
    LeverageChanged = "leverage changed from outside", Exchange, 1;
    /// Somebody else ends every order and position, and changes the mode of positions or margin for a while.
    ModesChanged = "mode changed from outside", Exchange, 1;
    /// A trigger is cancelled by somebody else.
    TriggerCancelled = "trigger cancelled from outside", Exchange, 4;
    /// The listen key of the user stream runs out.
    ListenKeyExpired = "listen key expired", Exchange, 2;

    /// The process is killed and started again.
    Killed = "process killed", Host, 4;
    /// The connector panics, before, while or after it tells what it wants; it is thrown away and made anew.
    ConnectorPanic = "connector panic", Host, 3;
    /// The connector of the bulk lane panics; the lane ends and is made anew.
    LanePanic = "bulk lane panic", Host, 2;
    /// The history cannot be written for a while, or is lost.
    HistoryFailing = "history failing", Host, 1;
    /// The disk is full for a while.
    DiskFull = "disk full", Host, 2;
    /// The disk is read-only for a while.
    DiskReadOnly = "disk read-only", Host, 2;
    /// The disk fails within a batch; the process is killed and started again.
    DiskTorn = "disk failed within a batch", Host, 2;
    /// The host's wall clock jumps.
    ClockJump = "clock jump", Host, 3;
}
