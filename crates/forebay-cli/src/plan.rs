//! What a configuration comes to: settings that are complete and checked. It reads the files with
//! tokens and keys, and nothing else; it opens neither the database nor a port.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use forebay::{
    Access, Advisor, Breaker, Builder, Bulkhead, CacheMode, Freshness, Limiter, MaintenancePlan,
    RepeatWatch, Rule, Synchronous,
};
use forebay_server::{Jwt, Options, Token};

use crate::config::{Algorithm, Config, Durability, Fresh, Switch, Watch};
use crate::exit::Usage;
use crate::listening::Listening;
use crate::login::with_password;
use crate::telemetry::Collector;

mod maintenance;
mod rule;
mod secret;

pub(crate) use rule::rules;

/// All that `serve` needs.
pub(crate) struct ServePlan {
    pub(crate) listening: Listening,
    pub(crate) database: Builder,
    pub(crate) options: Options,
    pub(crate) maintenance: Option<MaintenancePlan>,
    pub(crate) rules: Vec<Rule>,
}

impl ServePlan {
    pub(crate) fn new(config: &Config) -> Result<ServePlan> {
        let listening = Listening::new(config)?;
        check_reach(config, &listening)?;
        Collector::of(config)?;
        let rules = rules(config).map_err(|faults| Usage(faults.join("\n  ")))?;
        let database = rules.iter().cloned().fold(database(config)?, Builder::rule);
        let (maintenance, options) = (maintenance::plan(config)?, options(config)?);
        Ok(ServePlan { listening, database, options, maintenance, rules })
    }
}

/// An address that others reach needs a token, or somebody who has said that it does not.
fn check_reach(config: &Config, listening: &Listening) -> Result<()> {
    let server = &config.server;
    if server.allow_anonymous && server.token_file.is_some() {
        bail!(Usage(
            "server.allow_anonymous (--allow-anonymous) cannot be used with server.token_file \
             (--token-file): leave one of them out"
                .to_owned()
        ));
    }
    let reached = listening.addresses().find(|address| !address.ip().is_loopback());
    if let Some(listen) = reached
        && server.token_file.is_none()
        && !server.allow_anonymous
    {
        bail!(Usage(format!(
            "{listen} can be reached from other machines, and no token is required: anyone \
             could read and write the database. Give --token-file PATH to require a token, \
             listen on 127.0.0.1, or give --allow-anonymous if that is what you want"
        )));
    }
    Ok(())
}

fn options(config: &Config) -> Result<Options> {
    let server = &config.server;
    let mut options = Options::default();
    config.limits.apply(&mut options);
    let token = |path: &Option<_>| path.as_deref().map(read_token).transpose();
    options.token = token(&server.token_file)?;
    options.admin.admin_token = token(&server.admin_token_file)?;
    options.admin.reader_token = token(&server.reader_token_file)?;
    options.admin.jwt = jwt(config)?;
    options.advisor = advisor(config)?;
    options.environment.clone_from(&config.general.environment);
    options.allowed_hosts.clone_from(&server.allow_hosts);
    options.allow_origins.clone_from(&server.allow_origins);
    options.validate().map_err(|error| Usage(error.to_string()))?;
    Ok(options)
}

/// Who advises on indexes, where the handle of the database cannot.
fn advisor(config: &Config) -> Result<Option<Advisor>> {
    let url = with_password(&config.database.url.0)?;
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Ok(None);
    }
    Ok(Some(Advisor::postgres(&url)?))
}

/// Which signed tokens are accepted, if any.
fn jwt(config: &Config) -> Result<Option<Jwt>> {
    let settings = &config.jwt;
    let Some(path) = &settings.key_file else { return Ok(None) };
    let Some(issuer) = &settings.issuer else {
        let text = "server.jwt.issuer is not set: say who signs the tokens";
        bail!(Usage(text.to_owned()));
    };
    let (key, audience) = (secret::read(path, "key")?, &settings.audience);
    let jwt = match settings.algorithm {
        Algorithm::Hs256 => Jwt::hs256(key.trim().as_bytes(), issuer, audience),
        Algorithm::Rs256 => Jwt::rs256(&key, issuer, audience),
        Algorithm::EdDsa => Jwt::eddsa(&key, issuer, audience),
    };
    let jwt = jwt.map_err(|error| anyhow!("server.jwt.key_file, {}: {error}", path.display()))?;
    let jwt = jwt.leeway(settings.leeway.0);
    Ok(Some(match &settings.role_claim {
        Some(claim) => jwt.role_claim(claim),
        None => jwt,
    }))
}

/// The settings of the database. All are set, so that what `config print` shows is in force.
pub(crate) fn database(config: &Config) -> Result<Builder> {
    let (database, pool) = (&config.database, &config.pool);
    let url = with_password(&database.url.0)?;
    let mut builder = Builder::new(url)
        .access(Access::Remote)
        .sole_writer(database.sole_writer)
        .synchronous(match database.synchronous {
            Durability::Off => Synchronous::Off,
            Durability::Normal => Synchronous::Normal,
            Durability::Full => Synchronous::Full,
        })
        .busy_timeout(database.busy_timeout.0)
        .foreign_keys(database.foreign_keys)
        .page_cache_bytes(database.page_cache_bytes.0 as u64)
        .mmap_bytes(database.mmap_bytes.0 as u64)
        .statement_cache(database.statement_cache)
        .transaction_idle_timeout(database.transaction_idle_timeout.0)
        .transaction_timeout(database.transaction_timeout.0)
        .max_size(pool.max_size)
        .max_overflow(pool.max_overflow)
        .min_idle(pool.min_idle)
        .max_sessions(pool.max_sessions)
        .acquire_timeout(pool.acquire_timeout.0)
        .idle_timeout(pool.idle_timeout.0)
        .max_lifetime(pool.max_lifetime.0)
        .ping_after(pool.ping_after.0);
    if database.read_only {
        builder = builder.read_only(true).create(false);
    }
    if pool.min_idle > pool.max_size {
        let (min, max) = (pool.min_idle, pool.max_size);
        bail!(Usage(format!("pool.min_idle ({min}) is larger than pool.max_size ({max})")));
    }
    Ok(guarded(watched(cached(builder, config), config), config))
}

fn cached(builder: Builder, config: &Config) -> Builder {
    let cache = &config.cache;
    builder
        .cache(mode(cache.mode))
        .cache_bytes(cache.bytes.0 as u64)
        .policy_bytes(cache.policy_bytes.0 as u64)
        .freshness(match cache.freshness {
            Fresh::Followed => Freshness::Followed,
            Fresh::Strict => Freshness::Strict,
        })
        .worth_it(cache.worth_it)
        .audit_one_in(cache.audit_one_in)
        .audit_parameters(cache.audit_parameters)
        .map_pages(cache.map_pages)
}

fn watched(builder: Builder, config: &Config) -> Builder {
    let mut builder = builder
        .slow_after(config.slow.after.0)
        .slow_parameters(config.slow.parameters)
        .keep_samples(config.statistics.keep_samples)
        .watch_repeats(match config.repeats.watch {
            Watch::Off => RepeatWatch::Off,
            Watch::Scopes => RepeatWatch::Scopes,
            Watch::All => RepeatWatch::All,
        })
        .repeat_threshold(config.repeats.threshold);
    if let Some(path) = &config.slow.log {
        builder = builder.slow_log(path);
    }
    if let Some(path) = &config.statistics.file {
        builder = builder.statistics_file(path);
    }
    builder
}

fn guarded(mut builder: Builder, config: &Config) -> Builder {
    let guards = &config.guards;
    if let Some(rate) = &guards.rate {
        let limiter = Limiter::builder(rate.quota()).named("database").build();
        builder = builder.limit(&limiter, "database");
    }
    if let Some(concurrent) = guards.concurrent_max {
        let bulkhead = Bulkhead::builder(concurrent, guards.waiting_max).named("database");
        builder = builder.bulkhead(&bulkhead.wait_max(guards.wait_max.0).build());
    }
    if guards.breaker {
        let breaker = Breaker::builder()
            .named("database")
            .failure_rate(guards.breaker_failure_rate)
            .calls_min(guards.breaker_calls_min)
            .open_for(guards.breaker_open_for.0);
        builder = builder.breaker(&breaker.build());
    }
    builder
}

pub(crate) fn mode(switch: Switch) -> CacheMode {
    match switch {
        Switch::Off => CacheMode::Off,
        Switch::Shadow => CacheMode::Shadow,
        Switch::On => CacheMode::On,
    }
}

/// The token in a file, without white space around it.
pub(crate) fn read_token(path: &Path) -> Result<Token> {
    let name = path.display();
    let text = secret::read(path, "token")?;
    let token = text.trim();
    if token.is_empty() {
        bail!("the token file {name} is empty; put a long random token in it");
    }
    // A header could not carry any other character, so that no request would ever be let in.
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("the token in {name} has characters other than visible ASCII ones, or is not alone");
    }
    Ok(Token::new(token))
}
