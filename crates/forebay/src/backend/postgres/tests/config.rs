//! What a URL says.

use std::time::Duration;

use super::super::config::{ChannelBinding, Config, Host, SslMode};

fn check(url: &str, expect: impl FnOnce(&Config)) {
    expect(&Config::parse(url).unwrap());
}

#[test]
fn what_a_url_says() {
    check("postgres://u:p@h:5/d", |config| {
        assert_eq!(config.host, Host::Tcp("h".into()));
        assert_eq!((config.port, &*config.user, &*config.database), (5, "u", "d"));
        assert_eq!(config.password.as_deref(), Some("p"));
        assert_eq!(config.connect_timeout, Duration::from_secs(10));
        assert_eq!(config.channel_binding, ChannelBinding::Prefer);
    });
    check("postgresql://u@h", |config| {
        assert_eq!((config.port, &*config.database), (5432, "u"));
        assert_eq!(config.password, None);
    });
    check("postgres://a%40b:p%3a%2F%25+@h/d%20e", |config| {
        assert_eq!((&*config.user, &*config.database), ("a@b", "d e"));
        assert_eq!(config.password.as_deref(), Some("p:/%+"));
    });
    check("postgres://u:p@x@h/d", |config| assert_eq!(config.password.as_deref(), Some("p@x")));
    check("postgres://u@[::1]:7/d", |config| {
        assert_eq!((&config.host, config.port), (&Host::Tcp("::1".into()), 7));
        assert_eq!(config.ssl_mode, SslMode::Disable);
    });
    check("postgres://u@/d?host=/run/pg&sslmode=verify-full", |config| {
        assert_eq!(config.host, Host::Unix("/run/pg".into()));
        assert_eq!(config.ssl_mode, SslMode::Disable);
    });
    check("postgres://u@%2Frun%2Fpg:7/d", |config| {
        assert_eq!((&config.host, config.port), (&Host::Unix("/run/pg".into()), 7));
    });
    let all = "postgres://?user=u&password=p&dbname=d&host=h&port=9&application_name=a%20b\
               &connect_timeout=3&options=-c%20statement_timeout%3D5s&sslmode=verify-ca\
               &sslrootcert=/ca.pem&channel_binding=require";
    check(all, |config| {
        assert_eq!((&*config.user, &*config.database, config.port), ("u", "d", 9));
        assert_eq!(config.application_name, "a b");
        assert_eq!(config.options.as_deref(), Some("-c statement_timeout=5s"));
        assert_eq!(config.ssl_root_cert.as_deref(), Some("/ca.pem".as_ref()));
        assert_eq!(config.connect_timeout, Duration::from_secs(3));
        assert_eq!(config.channel_binding, ChannelBinding::Require);
        assert!(config.for_replication().replication && !config.replication);
    });
}

#[test]
fn who_is_trusted() {
    for (host, expect) in [
        ("localhost", SslMode::Disable),
        ("LocalHost", SslMode::Disable),
        ("127.0.0.1", SslMode::Disable),
        ("127.9.9.9", SslMode::Disable),
        ("[::1]", SslMode::Disable),
        ("localhost.example.org", SslMode::VerifyFull),
        ("10.0.0.1", SslMode::VerifyFull),
        ("db", SslMode::VerifyFull),
        ("[::2]", SslMode::VerifyFull),
    ] {
        check(&format!("postgres://u@{host}/d"), |config| {
            assert_eq!(config.ssl_mode, expect, "{host}");
        });
    }
    for (mode, expect) in [
        ("disable", SslMode::Disable),
        ("require", SslMode::Require),
        ("verify-ca", SslMode::VerifyCa),
        ("verify-full", SslMode::VerifyFull),
    ] {
        for host in ["localhost", "db"] {
            check(&format!("postgres://u@{host}/d?sslmode={mode}"), |config| {
                assert_eq!(config.ssl_mode, expect, "{mode}");
            });
        }
    }
}

#[test]
fn what_is_wrong_is_said_without_the_password() {
    for (url, expect) in [
        ("mysql://u:geheim@h/d", "postgres://"),
        ("postgres://:geheim@h/d", "no user"),
        ("postgres://u:geheim@h:0/d", "port"),
        ("postgres://u:geheim@h:65536/d", "port"),
        ("postgres://u:geheim%@h/d", "%25"),
        ("postgres://u:geheim%zz@h/d", "%25"),
        ("postgres://u:geheim%ff@h/d", "UTF-8"),
        ("postgres://u:geheim%00@h/d", "NUL"),
        ("postgres://u:geheim@a,b/d", "several hosts"),
        ("postgres://u:geheim@[::1/d", "]"),
        ("postgres://u:geheim@[::1]x/d", "]"),
        ("postgres://u:geheim@h/d?sslmode=prefer", "verify-full"),
        ("postgres://u:geheim@h/d?sslmode=no", "verify-full"),
        ("postgres://u:geheim@h/d?sslmode=require&sslrootcert=/x", "sslrootcert"),
        ("postgres://u:geheim@h/d?connect_timeout=0", "connect_timeout"),
        ("postgres://u:geheim@h/d?connect_timeout=3601", "connect_timeout"),
        ("postgres://u:geheim@h/d?channel_binding=x", "channel_binding"),
        ("postgres://u:geheim@h/d?statement_timeout=5", "options="),
        ("postgres://u:geheim@h/d?options", "="),
    ] {
        let error = Config::parse(url).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(expect) && !text.contains("geheim"), "{url}: {text}");
        assert!(error.is_usage());
    }
    let config = Config::parse("postgres://u:geheim@h/d").unwrap();
    assert!(!format!("{config:?}").contains("geheim"));
}
