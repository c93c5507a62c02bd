//! Which faults a seed meets.

use colibri_model::SplitMix64;

use super::fault::Fault;
use super::stage::Stage;

/// The faults that a seed meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    faults: Vec<Fault>,
}

impl Mix {
    /// Nothing goes wrong.
    #[must_use]
    pub const fn calm() -> Mix {
        Mix { faults: Vec::new() }
    }

    /// One fault alone.
    #[must_use]
    pub fn alone(fault: Fault) -> Mix {
        Mix { faults: vec![fault] }
    }

    /// What a seed meets where it trades: one fault alone for every fourth, the faults in turn; else everything.
    #[must_use]
    pub fn of_seed(seed: u64, stage: Stage) -> Mix {
        let all: Vec<Fault> = Fault::ALL
            .iter()
            .copied()
            .filter(|fault| fault.can_strike(stage))
            .collect();
        if seed.is_multiple_of(4) {
            let index = usize::try_from(seed / 4 % all.len() as u64).unwrap_or(0);
            return Mix::alone(all[index]);
        }
        Mix { faults: all }
    }

    /// Without a fault.
    #[must_use]
    pub fn without(mut self, fault: Fault) -> Mix {
        self.faults.retain(|one| *one != fault);
        self
    }

    /// Whether nothing goes wrong.
    #[must_use]
    pub const fn is_calm(&self) -> bool {
        self.faults.is_empty()
    }

    /// The fault that strikes alone, again and again, where one does.
    #[must_use]
    pub const fn sole(&self) -> Option<Fault> {
        match self.faults.as_slice() {
            [sole] => Some(*sole),
            _ => None,
        }
    }

    /// Its name in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.faults.as_slice() {
            [] => "calm",
            [one] => one.name(),
            _ => "mixed",
        }
    }

    /// The next fault; `None` where there is none.
    pub fn draw(&self, random: &mut SplitMix64) -> Option<Fault> {
        let total = self.faults.iter().map(|fault| fault.weight()).sum();
        let mut left = random.below(total);
        self.faults.iter().copied().find(|fault| {
            let hit = left < fault.weight();
            left = left.saturating_sub(fault.weight());
            hit
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_is_met_alone_where_the_stage_is_drawn() {
        let drawn: Vec<_> = (0..20_000).map(|seed| (seed, Stage::of_seed(seed))).collect();
        for four in drawn.chunks(4) {
            let of = |stage| four.iter().filter(|(_, drawn)| *drawn == stage).count();
            assert_eq!([Stage::Spot, Stage::Contracts, Stage::Both].map(of), [2, 1, 1]);
        }
        for stage in Stage::ALL {
            let possible = Fault::ALL.iter().filter(|fault| fault.can_strike(*stage)).count();
            let of_stage = drawn.iter().filter(|(_, drawn)| drawn == stage);
            let mixes = of_stage.map(|(seed, _)| Mix::of_seed(*seed, *stage));
            let alone: BTreeSet<_> = mixes.filter_map(|mix| mix.sole()).collect();
            assert_eq!(alone.len(), possible);
        }
    }

    #[test]
    fn every_fault_is_met_alone_and_in_a_mix() {
        for stage in Stage::ALL {
            let possible = Fault::ALL.iter().filter(|fault| fault.can_strike(*stage)).count();
            let alone: BTreeSet<_> = (0..4 * possible as u64)
                .filter(|seed| seed.is_multiple_of(4))
                .map(|seed| Mix::of_seed(seed, *stage).name())
                .collect();
            assert_eq!(alone.len(), possible);
            let (mix, mut random) = (Mix::of_seed(1, *stage), SplitMix64::new(1));
            let drawn: BTreeSet<_> = (0..5_000).filter_map(|_| mix.draw(&mut random)).collect();
            assert_eq!(drawn.len(), possible);
        }
        let mut random = SplitMix64::new(1);
        assert_eq!(Mix::calm().draw(&mut random), None);
        for fault in Fault::ALL {
            assert_eq!(
                Fault::named(&fault.name().replace(' ', "-").to_uppercase()),
                Some(*fault)
            );
        }
    }
}
