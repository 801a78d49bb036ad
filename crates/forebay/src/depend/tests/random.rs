use fastrand::Rng;

use super::super::Evidence;
use super::world::{World, on_each};

const STEPS: usize = 240;

/// Writes, `#` standing for a small number.
const WRITES: &[&str] = &[
    "UPDATE users SET karma = # WHERE id = #",
    "UPDATE users SET name = 'n#' WHERE karma > #",
    "UPDATE posts SET score = # WHERE id = #",
    "UPDATE posts SET author = # WHERE id = #",
    "UPDATE posts SET title = 't#' WHERE score < #",
    "DELETE FROM posts WHERE id = #",
    "INSERT INTO posts VALUES (#, #, 'new#', #) ON CONFLICT DO NOTHING",
    "INSERT INTO votes VALUES (#, #, #) ON CONFLICT DO NOTHING",
    "DELETE FROM votes WHERE post = # AND usr < #",
    "UPDATE votes SET up = # WHERE post = #",
    "UPDATE quiet SET v = 'v#'",
    "DELETE FROM users WHERE id = #",
    "INSERT INTO users VALUES (#, 'new', #) ON CONFLICT DO NOTHING",
];

fn write(rng: &mut Rng) -> String {
    let template = rng.choice(WRITES.iter()).unwrap();
    let parts: Vec<&str> = template.split('#').collect();
    let mut sql = parts[0].to_owned();
    for part in &parts[1..] {
        sql += &rng.u32(1..9).to_string();
        sql += part;
    }
    sql
}

/// Writes something, and says who and what.
async fn perform(world: &World, rng: &mut Rng) -> String {
    let sql = write(rng);
    match rng.u8(0..4) {
        0 => {
            world.by_others(&sql);
            format!("by others: {sql}")
        }
        1 => {
            let second = write(rng);
            let run = async |t: crate::Transaction| {
                t.execute(&sql).await?;
                t.execute(&second).await
            };
            world.db.transaction(run).await.unwrap();
            format!("in a transaction: {sql}; {second}")
        }
        _ => {
            world.db.execute(&sql).await.unwrap();
            sql
        }
    }
}

/// Of values that are kept under their evidence: each that is said to be true is what would be
/// composed anew.
#[test]
fn what_is_kept_is_what_would_be_loaded() {
    on_each("what_is_kept_is_what_would_be_loaded", async |world| {
        let mut rng = Rng::with_seed(20_261_129);
        let mut kept: Vec<(i64, String, Evidence)> = Vec::new();
        let (mut held, mut fallen) = (0, 0);
        for step in 0..STEPS {
            let user = rng.i64(1..9);
            let (value, evidence) = world.load(user).await;
            if evidence.unproven().is_none() {
                kept.push((user, value, evidence));
            }
            let sql = perform(world, &mut rng).await;
            world.caught_up().await;
            let before = kept.len();
            kept.retain(|(_, _, evidence)| evidence.is_true());
            fallen += before - kept.len();
            for (user, value, evidence) in &kept {
                let truth = world.truth(*user).await;
                assert_eq!(*value, truth, "step {step}, {sql}: {evidence:?}");
                held += 1;
            }
            kept.truncate(12);
        }
        assert!(held > STEPS / 2 && fallen > STEPS / 2, "{held} held, {fallen} fell");
    });
}

/// The same of values that are composed while somebody writes.
#[test]
fn what_is_loaded_beside_a_write_is_true_or_known_not_to_be() {
    on_each("what_is_loaded_beside_a_write_is_true_or_known_not_to_be", async |world| {
        let mut rng = Rng::with_seed(29_112_026);
        let (mut held, mut fallen) = (0, 0);
        for step in 0..STEPS / 2 {
            let user = rng.i64(1..9);
            world.db.cache().clear();
            let ((value, evidence), sql) = tokio::join!(world.load(user), perform(world, &mut rng));
            world.caught_up().await;
            if evidence.is_true() && evidence.unproven().is_none() {
                assert_eq!(value, world.truth(user).await, "step {step}, {sql}");
                held += 1;
            } else {
                fallen += 1;
            }
        }
        assert!(held > 10 && fallen > 10, "{held} held, {fallen} fell");
    });
}
