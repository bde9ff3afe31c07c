//! Worlds as rows of numbers. Each part (a host, a link, what the oracle holds) is kept once, however many worlds have it;
//! a world is the numbers of its parts. Nothing is lost by that: a world comes back from its row as it was.

use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;

use crate::oracle::Oracle;
use crate::world::{Budget, Host, Link, World};

/// All parts that were seen.
#[derive(Default)]
pub(crate) struct Parts {
    hosts: Kept<Host>,
    links: Kept<Link>,
    oracles: Kept<Oracle>,
    budgets: Kept<Budget>,
}

/// The numbers of the parts of a world: hosts, links, oracle, budget.
pub(crate) type Row = Vec<u32>;

struct Kept<T> {
    values: Vec<Rc<T>>,
    numbers: HashMap<Rc<T>, u32>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Eq + Hash> Kept<T> {
    fn number(&mut self, value: &Rc<T>) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.values.len() as u32;
        self.values.push(Rc::clone(value));
        self.numbers.insert(Rc::clone(value), number);
        number
    }
}

impl Parts {
    /// The row of a world. `from`: a world with its row, of which this one came about: what they share is not looked up.
    pub(crate) fn row(&mut self, world: &World, from: Option<(&World, &[u32])>) -> Row {
        let known = |at: usize, shared: &dyn Fn(&World) -> bool| {
            from.filter(|(former, _)| shared(former)).map(|(_, row)| row[at])
        };
        let mut row = Row::with_capacity(world.hosts.len() + world.links.len() + 2);
        for (at, host) in world.hosts.iter().enumerate() {
            let number = known(row.len(), &|former| Rc::ptr_eq(&former.hosts[at], host));
            row.push(number.unwrap_or_else(|| self.hosts.number(host)));
        }
        for (at, link) in world.links.iter().enumerate() {
            let number = known(row.len(), &|former| Rc::ptr_eq(&former.links[at], link));
            row.push(number.unwrap_or_else(|| self.links.number(link)));
        }
        let number = known(row.len(), &|former| Rc::ptr_eq(&former.oracle, &world.oracle));
        row.push(number.unwrap_or_else(|| self.oracles.number(&world.oracle)));
        row.push(self.budgets.number(&Rc::new(world.budget)));
        row
    }

    /// The world of a row that came from here.
    pub(crate) fn world(&self, row: &[u32], hosts: usize) -> World {
        let links = row.len() - hosts - 2;
        let kept = |number: &u32| *number as usize;
        World {
            hosts: row[..hosts].iter().map(|at| Rc::clone(&self.hosts.values[kept(at)])).collect(),
            links: row[hosts..hosts + links]
                .iter()
                .map(|at| Rc::clone(&self.links.values[kept(at)]))
                .collect(),
            oracle: Rc::clone(&self.oracles.values[kept(&row[hosts + links])]),
            budget: *self.budgets.values[kept(&row[hosts + links + 1])],
        }
    }
}
