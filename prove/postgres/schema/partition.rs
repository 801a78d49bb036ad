//! Partitioned tables: by range, by list and by hash, with partitions whose columns stand in
//! another order than those of their root, with a default one, and with partitions of partitions.

use fastrand::Rng;

use crate::domain::{Type, once_in};

/// The statements that make them.
pub(super) fn create(rng: &mut Rng) -> Vec<String> {
    let (one, two) = (Type::draw(rng), Type::draw(rng));
    let root = format!(
        "id int NOT NULL, k int NOT NULL, c0 {}, c1 {}, v int",
        one.definition(),
        two.definition()
    );
    // The same in another order, and with a column that is dropped again.
    let other = format!(
        "v int, c1 {}, gone int, k int NOT NULL, c0 {}, id int NOT NULL",
        two.definition(),
        one.definition()
    );
    let mut all =
        vec![
        format!("CREATE TABLE public.by_range ({root}, PRIMARY KEY (id, k)) \
             PARTITION BY RANGE (k)"),
        "CREATE TABLE public.range_low PARTITION OF public.by_range \
         FOR VALUES FROM (MINVALUE) TO (2)"
            .to_owned(),
        format!("CREATE TABLE public.range_mid ({other}, PRIMARY KEY (id, k))"),
        "ALTER TABLE public.range_mid DROP COLUMN gone".to_owned(),
        "ALTER TABLE public.by_range ATTACH PARTITION public.range_mid FOR VALUES FROM (2) TO (5)"
            .to_owned(),
        "CREATE TABLE public.range_rest PARTITION OF public.by_range DEFAULT".to_owned(),
    ];
    if once_in(rng, 2) {
        for leaf in ["range_low", "range_mid", "range_rest"] {
            all.push(format!("ALTER TABLE public.{leaf} REPLICA IDENTITY FULL"));
        }
    } else if once_in(rng, 2) {
        all.push("ALTER TABLE public.range_mid REPLICA IDENTITY FULL".to_owned());
    }
    let kind = Type::draw(rng);
    all.extend([
        format!(
            "CREATE TABLE public.by_list (id int, k text COLLATE \"C\" NOT NULL DEFAULT 'a', \
             c0 {}, PRIMARY KEY (id, k)) PARTITION BY LIST (k)",
            kind.definition()
        ),
        "CREATE TABLE public.list_a PARTITION OF public.by_list \
         FOR VALUES IN ('a', 'A')"
            .to_owned(),
        "CREATE TABLE public.list_rest PARTITION OF public.by_list DEFAULT PARTITION BY HASH (id)"
            .to_owned(),
        "CREATE TABLE public.list_even PARTITION OF public.list_rest \
         FOR VALUES WITH (MODULUS 2, REMAINDER 0)"
            .to_owned(),
        "CREATE TABLE public.list_odd PARTITION OF public.list_rest \
         FOR VALUES WITH (MODULUS 2, REMAINDER 1)"
            .to_owned(),
    ]);
    all
}

/// Takes a partition off and puts it back, or the other way round, as it stands.
pub(super) fn exchange(rng: &mut Rng, is_attached: bool) -> String {
    if !is_attached {
        return "ALTER TABLE public.by_range ATTACH PARTITION public.range_mid \
                FOR VALUES FROM (2) TO (5)"
            .to_owned();
    }
    match rng.u8(..2) {
        // It has no default partition then, which CONCURRENTLY would not allow.
        0 => {
            "ALTER TABLE public.by_range DETACH PARTITION public.range_mid CONCURRENTLY".to_owned()
        }
        _ => "ALTER TABLE public.by_range DETACH PARTITION public.range_mid".to_owned(),
    }
}
