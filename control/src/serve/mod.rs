//! Runs the program: database, both listeners, publisher, sweeps, and an end.

mod assembly;
pub mod config;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shared::process::shutdown;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::app::SharedApp;
use crate::base::clock::{self, Clock, Moment};
use crate::billing::reconcile;
use crate::certificates::CertificateReconciler;
use crate::domains::DomainReconciler;
use crate::http::listener;
use crate::machines::context::Machines;
use crate::machines::job_context::JobContext;
use crate::machines::upkeep::WorkspaceReconciler;
use crate::mail;
use crate::model::incident::Incident;
use crate::pflaster::{Pflaster, PflasterHook};
use crate::queue::{AttemptHook, Dispatcher, Job, WorkerContext};
use crate::serve::config::Config;
use crate::store::{RETENTION, RetentionTimes, Store, StoreError};
use crate::tickets;
use crate::{billing, console, joining, machines, operator, site};

/// How long the whole stop may take: a service manager waits for longer than this before
/// it kills (systemd: 90 s), and requests in flight are answered in less.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Expired sessions, codes, counters and locks are removed this often. They count
/// for nothing from the moment they expire; this is about space.
const SWEEP: Duration = Duration::from_secs(30);

/// Most locks that one sweep removes: one batch for the edges.
const LOCKS_A_SWEEP: u32 = 1_000;

/// Serves until SIGTERM or SIGINT. SIGHUP reads the key ring again.
///
/// # Errors
/// When the database cannot be opened or a port is taken.
pub async fn until_told_to_stop(config: &Config) -> anyhow::Result<()> {
    // From here on a SIGHUP does not end the program.
    let hangups = signal(SignalKind::hangup()).context("cannot wait for signals")?;
    let running = Running::start(config, clock::system()).await?;
    let keys = Arc::clone(&config.keys);
    let reloading = tokio::spawn(async move { keys.reload_at(hangups).await });
    shutdown::requested().await.context("cannot wait for signals")?;
    info!("stopping");
    reloading.abort();
    running.stop().await;
    Ok(())
}

/// The program while it runs.
pub struct Running {
    pub site: SocketAddr,
    pub api: SocketAddr,
    /// Where machines join as edges, if they may.
    pub join: Option<SocketAddr>,
    pub app: SharedApp,
    stop: watch::Sender<bool>,
    listeners: Vec<tokio::task::JoinHandle<()>>,
    dispatcher: Dispatcher,
    /// What looks again and again; each may end at any moment.
    reconcilers: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// # Errors
    /// When the database cannot be opened or a port is taken.
    pub async fn start(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let store = Store::open(&config.database_url, config.log_changes).await?;
        let site = bind(config.site_listen).await?;
        let api = bind(config.api_listen).await?;
        let join = match &config.join {
            Some(join) => Some(bind(join.listen).await?),
            None => None,
        };
        let machines = match &config.machines {
            Some(machines) => Some(Machines::open(machines, &store).await?),
            None => None,
        };
        let app = assembly::assemble(config, store, machines, clock).await?;
        if let Some(billing) = &app.billing {
            billing.stripe.check(app.texts.price).await?;
            billing.note_price(app.texts.price).await?;
        }
        let running_site = site.local_addr()?;
        let running_api = api.local_addr()?;
        let running_join = join.as_ref().map(TcpListener::local_addr).transpose()?;
        let (stop, stopped) = watch::channel(false);
        let mut listeners = vec![
            tokio::spawn(listener::serve(site, site::router(&app), told(stopped.clone()))),
            tokio::spawn(listener::serve(
                api,
                operator::router(&app, console::router()),
                told(stopped.clone()),
            )),
        ];
        if let Some(join) = join {
            listeners.push(tokio::spawn(joining::serve(join, app.clone(), told(stopped))));
        }
        let context = app.job_context();
        let pflaster = context.clone().map(|context| PflasterHook(Pflaster::new(context)));
        let hooks = pflaster.into_iter().map(|hook| Arc::new(hook) as Arc<dyn AttemptHook>);
        let hooks = hooks.collect();
        let worker_context = WorkerContext {
            store: app.store.in_background(),
            clock: Arc::clone(app.clock()),
            metrics: Arc::clone(&app.metrics),
            hooks,
        };
        let jobs = jobs(&app, context.as_ref(), config)?;
        let dispatcher = Dispatcher::start(worker_context, jobs, config.tasks.sweep);
        let reconcilers = reconcilers(&app, context.as_ref(), config);
        let reconcilers = reconcilers.into_iter().map(tokio::spawn).collect();
        info!("serving the site on {running_site}, the operator's API on {running_api}");
        Ok(Self {
            site: running_site,
            api: running_api,
            join: running_join,
            app,
            stop,
            listeners,
            dispatcher,
            reconcilers,
        })
    }

    /// Lets requests in flight finish, gives tasks in flight back, then closes the
    /// database. Returns after [`STOP_TIMEOUT`] at the latest, whatever hangs.
    pub async fn stop(self) {
        if timeout(STOP_TIMEOUT, self.stop_all()).await.is_err() {
            warn!("not everything ended within {STOP_TIMEOUT:?}; ending all the same");
        }
    }

    async fn stop_all(self) {
        self.stop.send_replace(true);
        for reconciler in self.reconcilers {
            reconciler.abort();
        }
        self.app.sse.close();
        self.dispatcher.stop().await;
        for listener in self.listeners {
            if let Err(error) = listener.await {
                warn!("a listener ended badly: {error}");
            }
        }
        self.app.store.close().await;
    }
}

/// Who does the tasks of each kind; a kind without a job waits for a program that has one.
///
/// # Errors
/// When a client of a vendor cannot be made.
fn jobs(
    app: &SharedApp,
    context: Option<&JobContext>,
    config: &Config,
) -> anyhow::Result<Vec<Arc<dyn Job>>> {
    let mut jobs = billing::jobs(&app.store, app.billing.clone());
    jobs.extend(mail::jobs(&app.store, &app.metrics, config.resend.as_ref())?);
    jobs.extend(tickets::jobs(&app.store, &app.metrics, config.linear.as_ref())?);
    jobs.extend(context.map(machines::jobs).into_iter().flatten());
    Ok(jobs)
}

fn reconcilers(
    app: &SharedApp,
    context: Option<&JobContext>,
    config: &Config,
) -> Vec<BoxFuture<'static, ()>> {
    let upkeep = WorkspaceReconciler {
        store: app.store.in_background(),
        clock: Arc::clone(app.clock()),
        machines: app.machines.clone(),
        patience: config.tasks.patience,
        sweep: config.tasks.sweep,
    };
    let certificates = config.certificates.clone().map(|certificates| CertificateReconciler {
        config: certificates,
        store: app.store.in_background(),
        publisher: Arc::clone(&app.publisher),
        keys: Arc::clone(&config.keys),
        metrics: Arc::clone(&app.metrics),
        clock: Arc::clone(app.clock()),
        sweep: config.tasks.sweep,
    });
    let mut all = vec![upkeep.run().boxed(), sweep(app.clone(), config.retention()).boxed()];
    all.extend(certificates.map(|it| it.run().boxed()));
    let domains = app.domains.clone().zip(config.certificates.clone());
    let domains = domains.map(|(service, certificates)| DomainReconciler {
        service,
        certificates,
        store: app.store.in_background(),
        publisher: Arc::clone(&app.publisher),
        keys: Arc::clone(&config.keys),
        metrics: Arc::clone(&app.metrics),
        clock: Arc::clone(app.clock()),
        sweep: config.tasks.sweep,
    });
    all.extend(domains.map(|it| it.run().boxed()));
    all.extend(app.billing.clone().map(|billing| reconcile::keep(billing).boxed()));
    all.extend(context.map(machines::reconcilers).into_iter().flatten());
    all
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // An error means that whoever could tell us is gone: that is the end as well.
    let _gone = stopped.wait_for(|stopped| *stopped).await;
}

/// Takes no arguments but what is there; a missed turn costs space, never truth.
async fn sweep(app: SharedApp, times: RetentionTimes) {
    let mut turns = tokio::time::interval(SWEEP);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let store = app.store.in_background();
    loop {
        turns.tick().await;
        let now = app.now();
        let noted = store.note_unused_handouts(now).await;
        warn_of(noted);
        for rule in RETENTION {
            warn_of(store.forget(rule, &times, now).await);
        }
        warn_of(report_unreadable(&store, now).await);
        match store.remove_expired_locks(now, LOCKS_A_SWEEP).await {
            Ok(Some(_)) => app.publisher.wake(),
            removed => warn_of(removed),
        }
    }
}

/// Rows that nobody could read are told to a person, once each.
async fn report_unreadable(store: &Store, now: Moment) -> Result<(), StoreError> {
    for row in store.unreadable_rows() {
        let incident = Incident::unreadable_row(row.table, &row.key, &row.why);
        store.open_incident(&incident, now).await?;
    }
    Ok(())
}

fn warn_of<T>(swept: Result<T, StoreError>) {
    if let Err(error) = swept {
        warn!("{:#}; trying again later", anyhow::Error::from(error));
    }
}
