//! Seeds: those that once failed, and a few more; and the same seed gives the same bytes.

use hitless_sim::Tracing;
use hitless_sim::run::run;

/// Each once broke the property behind it, in a swarm of fewer faults: what a seed means changes as faults are added.
const ONCE_BROKEN: &[(u64, &str)] = &[
    (
        4089,
        "replay covers every differing key: who led while its own state was repaired began where others stood with another",
    ),
    (
        20194,
        "a healed chassis is whole: an owner that took over waited for a unit that knew of a newer epoch, which waited too",
    ),
    (20330, "no forwarding gap: a delete was judged by what became safe after it was issued"),
    (20841, "not applied is final: what took effect before a promise was looked at after it"),
    (
        9579,
        "safe survives: a tombstone of a card that had been away beat what another was proved equal with later",
    ),
    (9808, "no forwarding gap: an owner of an old epoch was judged by what is safe in a newer one"),
    (3479, "no forwarding gap: who had kept a newer state followed the owner of an older epoch"),
    (
        7751,
        "nobody is accused wrongly: the answer to an audit was taken for one to the comparison of a switchover",
    ),
    (15535, "safe survives: a foreign entry that a card in step with the base found when it began anew"),
    (
        17939,
        "catching up comes to an end: a refused key was known, but of an older content, and that was not put right",
    ),
    (
        19831,
        "no forwarding gap: a card was behind when an entry for all became one for named cards, of which it was one",
    ),
    (
        24847,
        "no forwarding gap: of an op after the base a card held what it had found, of an older date, and was not counted",
    ),
    (25127, "safe survives: that a card does not hold an entry counts as of where it was proved"),
    (375, "safe survives: a row that was kept beyond the position beat what a card in a new life had found"),
    (
        647,
        "safe survives: a forwarding table that lied, and its card began anew: it is not held against the rebuild",
    ),
    (107, "what is replayed was in doubt: a channel that began anew was reported as one that was replayed"),
    (0, "a planned switchover replays zero bytes: refused ops were retried after the hand-over"),
    (5, "no forwarding gap: a recovery took the retry of one card's delete for everybody's"),
    (7, "what is replayed was in doubt: refused deletes, unknown to the new primary, were issued again"),
    (19, "no forwarding gap: a recovery forgot for which cards an entry was"),
    (31, "convergence: the verdict of the arbiter was told to nobody until something else happened"),
    (37, "convergence: a refused delete outlived its tombstone, and was compared for ever"),
    (67, "convergence: a card refused what was no longer for it, and was compared for ever"),
    (71, "convergence: a recovery read a card before it had promised"),
    (115, "convergence: a primary stepped down and told nobody; stale state of a joiner survived a recovery"),
    (215, "what is replayed was in doubt: a card vouched for ops from before its channel began"),
    (361, "no forwarding gap: an orphan for named cards took the entry from those that had not seen it"),
    (612, "progress: a unit whose external arbiter was slow asked for the same moment again and again"),
    (
        712,
        "safe survives: a recovery made an entry for named cards one for all, which a narrowing then deleted",
    ),
    (2480, "nobody is accused wrongly: what was for a link that is gone was said on the next one"),
    (
        2406,
        "progress: entries with positions beyond the log, of a unit that was primary before, were compared for ever",
    ),
    (11703, "convergence: refusals of former wishes used up the retries of the last one"),
    (20569, "convergence: units that had only begun to recover were waited for as if they held live state"),
    (21182, "convergence: a wiped card that is to hold nothing was filled with nothing for ever"),
    (392, "safe survives: an entry on its way from one card to another was taken for deleted"),
    (20364, "safe survives: of what cards found in their tables any counted, not what was proved equal last"),
    (21311, "safe survives: one card's delete made the old entry of another look new in a recovery"),
    (
        234,
        "no forwarding gap: a hole while the state was rebuilt made the rebuild compare with what it had so far",
    ),
    (20786, "safe survives, wrongly: the only card was wiped while the state was rebuilt from it"),
    (23023, "safe survives, wrongly: the same"),
    (
        23489,
        "safe survives, wrongly: a card had refused the op, and died while the state was rebuilt from it",
    ),
    (3169, "no end: the primary looked for ops to send that its log did not keep any more"),
    (11222, "what is told to be safe is held, wrongly: what was told was that nothing is safe yet"),
    (
        15846,
        "a planned switchover replays zero bytes: a card that had just come in step lacked what was stable without it",
    ),
];

#[test]
fn seeds_that_once_failed_pass() {
    for (seed, why) in ONCE_BROKEN {
        let outcome = run(*seed, Tracing::Off);
        assert_eq!(outcome.violation, None, "seed {seed}, once: {why}");
    }
}

#[test]
fn some_more_seeds_pass() {
    for seed in 1_000_000..1_000_020 {
        let outcome = run(seed, Tracing::Off);
        assert_eq!(outcome.violation, None, "hitless-sim run --seed {seed} --trace");
        assert!(outcome.summary.steps > 100, "seed {seed} did nothing");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in [3, 11, 42] {
        let other = std::thread::spawn(move || run(seed, Tracing::Keep));
        let (one, other) = (run(seed, Tracing::Keep), other.join());
        assert!(one.trace.len() > 10_000, "seed {seed} says almost nothing");
        assert!(other.is_ok_and(|other| one.trace == other.trace), "seed {seed} ran in two ways");
    }
}
