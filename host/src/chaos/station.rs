//! A venue as a process has it: the numbers of its drivers, its bulk lane, and the panics that its connector rehearses.

use std::rc::Rc;

use colibri_driver::{Credentials, Driver, DriverIndex, DriverSetup, Rehearsal, Secret, SharedLimiter};
use colibri_loader::Library;
use colibri_model::{AccountId, SplitMix64, VenueId};
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET};
use colibri_standard::{ConnectorManifest, KeyKind};

use super::blueprint::named;
use super::lane::Lane;
use super::stage::Face;
use super::wire;
use crate::runtime::setup::BULK_SHARE;

/// The environment of the exchange on this machine.
pub const ENVIRONMENT: &str = "local";

/// Makes a connector instance.
pub type Make = Rc<dyn Fn() -> Result<colibri_abi::Connector, String>>;

/// In which call a connector panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanicIn {
    /// The next, whichever it is.
    AnyCall,
    /// The next that hands it orders.
    Orders,
    /// The next that hands it an answer.
    Answer,
}

/// The account that is traded with, at every face.
#[must_use]
pub fn account() -> AccountId {
    named("main", AccountId::new)
}

/// The venue of a face.
#[must_use]
pub fn venue_of(face: Face) -> VenueId {
    named(face.connector(), VenueId::new)
}

/// One venue.
pub struct Station {
    /// Its driver's number as the transport knows it: each process of a seed has its own.
    pub index: DriverIndex,
    /// The connector instance for what is large.
    pub lane: Lane,
    /// What its driver was made from.
    pub setup: DriverSetup,
    make: Make,
    rehearsal: Rehearsal,
    /// A panic that waits for its call, and after how many actions it comes.
    panic: Option<(PanicIn, u32)>,
}

/// Where a station stands among those of a process.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Its driver's number; its lane's is the next.
    pub index: DriverIndex,
    /// How many stations there are.
    pub of: usize,
    /// The host's wall clock, milliseconds since 1970.
    pub nonce_floor: u64,
}

impl Station {
    /// A venue around fresh instances, and its driver.
    ///
    /// # Errors
    /// What a real host would refuse to start with.
    pub fn start(
        (library, manifest): (&Rc<Library>, &ConnectorManifest),
        face: Face,
        place: Place,
        limiter: SharedLimiter,
        random: &mut SplitMix64,
    ) -> Result<(Station, Driver), String> {
        let mut setup = DriverSetup::new(venue_of(face), manifest.clone());
        setup.account = Some(account());
        setup.environment = ENVIRONMENT.to_owned();
        for (role, address) in wire::addresses(face) {
            setup.addresses.insert((*role).to_owned(), (*address).to_owned());
        }
        setup.credentials = Credentials::none().with_public("api_key", DEMO_API_KEY).with_secret(
            "secret",
            KeyKind::HmacSha256,
            Secret::new(DEMO_SECRET.as_bytes().to_vec()),
        );
        setup.seed = random.next_u64();
        setup.nonce_floor = place.nonce_floor;
        let config = setup.connector_config().map_err(|e| e.to_string())?;
        let json = serde_json::to_vec(&config).map_err(|e| e.to_string())?;
        let (library, name) = (library.clone(), manifest.name.clone());
        let make: Make = Rc::new(move || library.create(&name, &json).map_err(|e| e.to_string()));
        let driver = Driver::new(&setup, make()?, limiter).map_err(|e| e.to_string())?;
        let rehearsal = setup.rehearsal.clone();
        let mut of_lane = setup.clone();
        of_lane.seed = setup.seed.rotate_left(32);
        let lane = Lane::start(
            DriverIndex(place.index.0 + 1),
            of_lane,
            make.clone(),
            BULK_SHARE.divided(place.of),
        )?;
        let station = Station {
            index: place.index,
            lane,
            setup,
            make,
            rehearsal,
            panic: None,
        };
        Ok((station, driver))
    }

    /// Another connector instance like the first.
    ///
    /// # Errors
    /// The library refuses.
    pub fn make(&self) -> Result<colibri_abi::Connector, String> {
        (self.make)()
    }

    /// The connector is to panic in such a call, once it has emitted so many actions.
    pub fn rehearse_panic(&mut self, call: PanicIn, actions: u32) {
        if call == PanicIn::AnyCall {
            self.rehearsal.panic_after(actions);
        } else {
            self.panic = Some((call, actions));
        }
    }

    /// The bulk lane's connector is to panic in its next call.
    pub fn rehearse_lane_panic(&mut self, actions: u32) {
        self.lane.rehearsal().panic_after(actions);
    }

    /// Such a call comes now: a panic that waits for it is due.
    pub fn comes(&mut self, call: PanicIn) {
        if let Some((_, actions)) = self.panic.take_if(|(waits, _)| *waits == call) {
            self.rehearsal.panic_after(actions);
        }
    }

    /// No panic is asked for any more.
    pub fn cancel_panics(&mut self) {
        self.panic = None;
        self.rehearsal.cancel();
        self.lane.rehearsal().cancel();
    }
}
