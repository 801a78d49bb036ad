//! Databases on the shared server.

use std::sync::Arc;

use cluster::{Database, for_each_version};

#[test]
fn databases_share_a_server_and_nothing_else() {
    for_each_version("databases", |version| {
        let one = Database::create(version).unwrap();
        let two = Database::create(version).unwrap();
        assert!(Arc::ptr_eq(one.cluster(), two.cluster()));
        one.psql("CREATE TABLE t (a int)").unwrap();
        assert!(two.psql("SELECT * FROM t").is_err());
        assert!(one.url().ends_with(&format!("/{}", one.name())));
        assert_eq!(one.psql("SELECT current_database()").unwrap(), one.name());
    });
}

#[test]
fn a_dropped_database_is_gone_whoever_uses_it() {
    for_each_version("drop of a database", |version| {
        let database = Database::create(version).unwrap();
        let mut session = database.session().unwrap();
        let slot = format!("slot_{}", database.name());
        session
            .query(&format!(
                "SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput', true)"
            ))
            .unwrap();
        let (cluster, name) = (Arc::clone(database.cluster()), database.name().to_owned());
        let count = || {
            let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
            cluster.psql(&sql).unwrap()
        };
        assert_eq!(count(), "1");
        drop(database);
        assert_eq!(count(), "0");
        assert!(session.query("SELECT 1").is_err());
    });
}
