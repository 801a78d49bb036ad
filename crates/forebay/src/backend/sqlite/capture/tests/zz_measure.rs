#![allow(unsafe_code)]

use super::*;
use crate::invalidate::{Basis, Bindings, ColumnSet};
use crate::sql::{Affinity, Collation, Conjunct, Occurrence, Operand, Test};
use std::collections::BTreeMap;
struct Instant(u64);
fn cpu() -> u64 {
    #[repr(C)]
    struct T(i64, i64);
    unsafe extern "C" {
        fn clock_gettime(c: i32, t: *mut T) -> i32;
    }
    let mut t = T(0, 0);
    unsafe {
        clock_gettime(3, &mut t);
    }
    t.0 as u64 * 1_000_000_000 + t.1 as u64
}
impl Instant {
    fn now() -> Instant {
        Instant(cpu())
    }
    fn elapsed(&self) -> std::time::Duration {
        std::time::Duration::from_nanos(cpu() - self.0)
    }
}

#[test]
#[ignore]
fn measure() {
    let mut best: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for round in 0..7 {
        for (means, shape) in [
            (Means::Tables, false),
            (Means::Hook, false),
            (Means::Hook, true),
            (Means::Reread, false),
            (Means::Reread, true),
        ] {
            let mut bed = Bed::new(means);
            bed.bare.execute_batch("PRAGMA synchronous=NORMAL").unwrap();
            bed.script("PRAGMA synchronous=NORMAL; CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c REAL, d TEXT, e INTEGER); CREATE INDEX ta ON t(a)").unwrap();
            let index = bed.connection.work.catchup.index().clone();
            let fresh = || {
                shape.then(|| {
                    let o = Occurrence {
                        table: "t".into(),
                        top: None,
                        conjuncts: vec![Conjunct {
                            column: 0,
                            affinity: Affinity::Integer,
                            collation: Collation::Binary,
                            test: Test::OneOf(vec![Operand::Literal(
                                crate::value::Value::Integer(5),
                            )]),
                        }],
                    };
                    index.ticket(&Basis::new([(o, ColumnSet::ALL)]), Bindings(&[]))
                })
            };
            let run = |bed: &mut Bed, sql: &str, p: &Params| {
                let stop = Arc::new(Stop::default());
                let request = Request {
                    sql,
                    params: p,
                    stop,
                    budget: Budget::Worker,
                    scope: Scope::Session,
                    fill: false,
                };
                let limits = Limits { rows_max: 100_000, bytes_max: 1 << 30 };
                bed.connection.run(&request, &mut Collect::new(limits)).map(drop).unwrap();
            };
            let none = Params::default();
            let p = |vals: &[i64]| {
                let mut p = Params::default();
                for v in vals {
                    p.push(crate::value::Value::Integer(*v));
                }
                p
            };
            let _keep = fresh();
            let t = Instant::now();
            run(&mut bed, "BEGIN", &none);
            for i in 0..100_000i64 {
                run(
                    &mut bed,
                    "INSERT INTO t VALUES(?1, ?1*7%1000,'some text of a title',1.5,'another text that is longer than the first',?1)",
                    &p(&[i]),
                );
            }
            run(&mut bed, "COMMIT", &none);
            let ins = t.elapsed().as_nanos() as f64 / 1e5;
            let _keep = fresh();
            let t = Instant::now();
            run(&mut bed, "UPDATE t SET e=e+1", &none);
            let up = t.elapsed().as_nanos() as f64 / 1e5;
            let _keep = fresh();
            let t = Instant::now();
            for i in 0..5000i64 {
                run(&mut bed, "UPDATE t SET e=e+1 WHERE id=?1", &p(&[i * 17 % 100000]));
            }
            let one = t.elapsed().as_nanos() as f64 / 5e3;
            let _keep = fresh();
            let t = Instant::now();
            for i in 0..50i64 {
                run(
                    &mut bed,
                    "UPDATE t SET e=e+1 WHERE id BETWEEN ?1 AND ?1+99",
                    &p(&[i * 1700 % 90000]),
                );
            }
            let hundred = t.elapsed().as_nanos() as f64 / 5e3;
            let _keep = fresh();
            let t = Instant::now();
            for i in 0..50i64 {
                run(
                    &mut bed,
                    "UPDATE t SET e=e+1 WHERE id BETWEEN ?1 AND ?1+999",
                    &p(&[i * 1700 % 90000]),
                );
            }
            let thousand = t.elapsed().as_nanos() as f64 / 5e4;
            let _keep = fresh();
            let t = Instant::now();
            run(&mut bed, "INSERT INTO t SELECT id+1000000,a,b,c,d,e FROM t", &none);
            let is = t.elapsed().as_nanos() as f64 / 1e5;
            let v = vec![ins, up, is, one, hundred, thousand];
            let _ = round;
            let e = best.entry(format!("{means:?} shape {shape}")).or_insert_with(|| v.clone());
            for (e, v) in e.iter_mut().zip(v) {
                *e = e.min(v);
            }
        }
    }
    for (k, v) in best {
        println!("{k}: insert, update-all, ins-select, one, hundred, thousand {v:.0?}");
    }
}
