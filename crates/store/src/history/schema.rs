//! The tables.

/// The version of the tables below and of what is projected into them. Another version in a file: it is built again.
pub(super) const HISTORY_VERSION: i64 = 4;

/// `application_id` of a history: `CLBR`, so that no other program's database is taken for one and emptied.
pub(super) const APPLICATION_ID: i64 = 0x434c_4252;

/// Drops what any version made.
pub(super) const DROP: &str = "
    DROP TABLE IF EXISTS projection;
    DROP TABLE IF EXISTS runs;
    DROP TABLE IF EXISTS orders;
    DROP TABLE IF EXISTS triggers;
    DROP TABLE IF EXISTS fills;
    DROP TABLE IF EXISTS balances;
    DROP TABLE IF EXISTS external_changes;
    DROP TABLE IF EXISTS funding;
    DROP TABLE IF EXISTS contracts;
    DROP TABLE IF EXISTS prices;
    DROP TABLE IF EXISTS openings;
";

/// Makes the tables. `sequence` is the order in which the journal has them.
pub(super) const CREATE: &str = "
    CREATE TABLE projection (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        journal INTEGER NOT NULL,
        batch_offset INTEGER NOT NULL,
        batch_end INTEGER NOT NULL,
        batch_checksum INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE runs (
        run INTEGER PRIMARY KEY,
        bot TEXT NOT NULL,
        version TEXT NOT NULL,
        started_ns INTEGER NOT NULL,
        stopped_ns INTEGER,
        stop_reason TEXT
    ) STRICT;

    CREATE TABLE orders (
        sequence INTEGER PRIMARY KEY,
        run INTEGER,
        strategy TEXT NOT NULL,
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        pair TEXT NOT NULL,
        client_id TEXT NOT NULL,
        exchange_id TEXT,
        instrument INTEGER NOT NULL,
        side TEXT NOT NULL,
        order_type TEXT NOT NULL,
        time_in_force TEXT,
        price TEXT,
        quantity TEXT NOT NULL,
        quantity_unit TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        created_ns INTEGER NOT NULL,
        updated_ns INTEGER NOT NULL,
        exchange_ns INTEGER,
        cancel_requested_ns INTEGER,
        exchange_filled TEXT,
        adopted INTEGER NOT NULL DEFAULT 0,
        UNIQUE (venue, client_id)
    ) STRICT;
    CREATE INDEX orders_by_time ON orders (created_ns);

    CREATE TABLE triggers (
        sequence INTEGER PRIMARY KEY,
        run INTEGER,
        strategy TEXT NOT NULL,
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        pair TEXT NOT NULL,
        client_id TEXT NOT NULL,
        exchange_id TEXT,
        instrument INTEGER NOT NULL,
        kind TEXT NOT NULL,
        watches TEXT NOT NULL,
        trigger_price TEXT NOT NULL,
        side TEXT NOT NULL,
        order_type TEXT NOT NULL,
        time_in_force TEXT,
        price TEXT,
        quantity TEXT,
        position_side TEXT NOT NULL,
        effect TEXT NOT NULL,
        margin_mode TEXT,
        good_till_ns INTEGER,
        state TEXT NOT NULL,
        became_exchange_id TEXT,
        became_client_id TEXT,
        reason TEXT,
        created_ns INTEGER NOT NULL,
        updated_ns INTEGER NOT NULL,
        exchange_ns INTEGER,
        cancel_requested_ns INTEGER,
        UNIQUE (venue, client_id)
    ) STRICT;
    CREATE INDEX triggers_by_time ON triggers (created_ns);

    CREATE TABLE fills (
        sequence INTEGER PRIMARY KEY,
        run INTEGER,
        strategy TEXT,
        account TEXT NOT NULL,
        venue TEXT NOT NULL,
        pair TEXT NOT NULL,
        trade_id TEXT NOT NULL,
        client_id TEXT,
        exchange_id TEXT,
        side TEXT NOT NULL,
        price TEXT NOT NULL,
        quantity TEXT NOT NULL,
        fee_asset TEXT,
        fee_amount TEXT,
        liquidity TEXT,
        exchange_ns INTEGER NOT NULL,
        local_ns INTEGER NOT NULL,
        position_side TEXT NOT NULL,
        cause TEXT NOT NULL,
        UNIQUE (account, venue, pair, trade_id, side)
    ) STRICT;
    CREATE INDEX fills_by_time ON fills (exchange_ns);
    CREATE INDEX fills_by_order ON fills (venue, client_id);

    CREATE TABLE balances (
        sequence INTEGER PRIMARY KEY,
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        asset TEXT NOT NULL,
        free TEXT NOT NULL,
        locked TEXT NOT NULL,
        time_ns INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE external_changes (
        sequence INTEGER PRIMARY KEY,
        run INTEGER,
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        asset TEXT NOT NULL,
        change TEXT NOT NULL,
        exchange_ns INTEGER,
        time_ns INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE funding (
        sequence INTEGER PRIMARY KEY,
        run INTEGER,
        strategy TEXT,
        account TEXT NOT NULL,
        venue TEXT NOT NULL,
        pair TEXT NOT NULL,
        id TEXT NOT NULL,
        asset TEXT NOT NULL,
        amount TEXT NOT NULL,
        position_side TEXT NOT NULL,
        rate TEXT,
        quantity TEXT,
        exchange_ns INTEGER NOT NULL,
        local_ns INTEGER NOT NULL,
        UNIQUE (account, venue, pair, exchange_ns, id)
    ) STRICT;
    CREATE INDEX funding_by_time ON funding (exchange_ns);

    CREATE TABLE contracts (
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        pair TEXT NOT NULL,
        kind TEXT NOT NULL,
        size TEXT NOT NULL,
        settle TEXT NOT NULL,
        time_ns INTEGER NOT NULL,
        PRIMARY KEY (venue, account, pair)
    ) STRICT;

    CREATE TABLE openings (
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        pair TEXT NOT NULL,
        position_side TEXT NOT NULL,
        quantity TEXT NOT NULL,
        price TEXT NOT NULL,
        time_ns INTEGER NOT NULL,
        PRIMARY KEY (venue, account, pair, position_side)
    ) STRICT;

    CREATE TABLE prices (
        sequence INTEGER PRIMARY KEY,
        venue TEXT NOT NULL,
        pair TEXT NOT NULL,
        price TEXT NOT NULL,
        time_ns INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX prices_by_time ON prices (time_ns);

    CREATE INDEX balances_by_asset ON balances (venue, account, asset, sequence);
";
