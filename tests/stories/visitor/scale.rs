//! Ten thousand messages in a conversation, two thousand conversations: what each thing that a person
//! does holds up the page's main thread, at the longest. Prints a table. Runs by `make bench-page`,
//! on a machine with nothing else to do: what others keep it from counts as well.

use std::fs;

use e2e::{Chrome, Plan, Screen, World};
use serde_json::{Value, json};

const MESSAGES: u64 = 10_000;
const CONVERSATIONS: u64 = 2_000;

/// As many as a browser remembers.
const TITLES: u64 = 500;

/// A person takes what comes within this time for immediate (Nielsen, Usability Engineering, 1993).
const BAR_MS: f64 = 100.0;

const SHOWN: &str = "document.getElementsByClassName('message').length";

/// The number of the turn that the uppermost message in the document belongs to. Those far out of
/// sight are not in it.
const FIRST: &str = "Number(document.querySelector('.message')?.textContent.match(/(?:turn|answer to) (\\d+)/)?.[1])";

const TO_THE_TOP: &str = "document.getElementById('scroller').scrollTop = 0";

/// Of the first conversation, milliseconds since 1970.
const BEGUN: u64 = 1_790_000_000_000;

#[tokio::test]
#[ignore = "prints figures: make bench-page runs it"]
async fn a_page_with_much_in_it_stays_quick() {
    let plan = Plan::with_tenants(&["ada"]);
    let world = World::prepare(&plan).unwrap();
    let conversations = world.sprite("ada").folder().join("openclaw/fake-gateway-sessions.json");
    fs::create_dir_all(conversations.parent().unwrap()).unwrap();
    fs::write(conversations, everything().to_string()).unwrap();
    world.begin(&plan).await.unwrap();

    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.watch_tasks().await.unwrap();
    chrome.sign_in(&world, "ada").await.unwrap();
    chrome.evaluate(&remembered()).await.unwrap();
    let page = Page { chrome, world };
    eprintln!("| what | longest task | bar | |\n|---|--:|--:|---|");
    page.first_paint("first paint, a new conversation", "new").await;
    page.first_paint("first paint, the long conversation", "long").await;
    page.scroll_to_the_first().await;
    page.scroll_within().await;
    page.search("search, one of all is found", "number 1234").await;
    page.search("search, all are found", "conversation").await;
    page.answer().await;
    page.switch().await;
}

struct Page {
    chrome: Chrome,
    world: World,
}

impl Page {
    async fn first_paint(&self, name: &str, key: &str) {
        let url = format!("{}/?{key}#/c/{key}", self.world.workspace_url("ada"));
        self.chrome.goto("about:blank").await.unwrap();
        self.chrome.goto(&url).await.unwrap();
        self.until(&format!(
            "document.getElementById('status').dataset.state === 'online' && \
             document.querySelectorAll('#conversations li').length >= 100 && \
             ('{key}' === 'new' || !document.getElementById('earlier').hidden)"
        ))
        .await;
        told(name, self.chrome.longest_task().await.unwrap());
    }

    /// Page by page, until the very first message is there.
    async fn scroll_to_the_first(&self) {
        self.chrome.longest_task().await.unwrap();
        // It shows more with each round, or the wait fails.
        loop {
            let before = self.chrome.evaluate(FIRST).await.unwrap();
            if before == 0 {
                break;
            }
            self.act(TO_THE_TOP).await;
            self.until(&format!("{FIRST} < {before}")).await;
        }
        let longest = self.chrome.longest_task().await.unwrap();
        told("scrolling up, page by page to the first message", longest);
    }

    async fn scroll_within(&self) {
        self.chrome.longest_task().await.unwrap();
        for _ in 0..40 {
            self.act("document.getElementById('scroller').scrollTop += 2000").await;
            self.until("true").await;
        }
        let longest = self.chrome.longest_task().await.unwrap();
        told("scrolling 40 times 2,000 px down, all messages there", longest);
    }

    async fn search(&self, name: &str, text: &str) {
        let field = "document.getElementById('search')";
        let type_it = |text: &str| {
            format!("({field}.value = '{text}', {field}.dispatchEvent(new Event('input')))")
        };
        let found = "Boolean(document.querySelector('#results [role=status]'))";
        told(name, self.cost(&type_it(text), found).await);
        self.act(&type_it("")).await;
        self.until("document.getElementById('results').hidden").await;
    }

    async fn answer(&self) {
        let send = "(() => { const field = document.getElementById('composer'); field.value = 'FAST hello'; \
            field.dispatchEvent(new InputEvent('input', {bubbles: true})); document.getElementById('send').click(); })()";
        let done = "[...document.querySelectorAll('[data-testid=message-assistant]')].at(-1).dataset.state === 'done' \
            && document.getElementById('thread').lastElementChild.lastElementChild.textContent.includes('hello')";
        told("a message and its answer", self.cost(send, done).await);
    }

    /// To another conversation and back, where all messages are known.
    async fn switch(&self) {
        let away = "location.hash = '#/c/other-1'";
        told("to another conversation", self.cost(away, &format!("{SHOWN} === 2")).await);
        let back = "location.hash = '#/c/long'";
        told("back to the long one", self.cost(back, &format!("{SHOWN} >= 10")).await);
        self.until(&format!("({TO_THE_TOP}, {FIRST} === 0)")).await;
        told("and the rest of it, a frame at a time", self.chrome.longest_task().await.unwrap());
    }

    /// What it costs to do something, until it has come about and was drawn.
    async fn cost(&self, action: &str, until: &str) -> f64 {
        self.chrome.longest_task().await.unwrap();
        self.act(action).await;
        self.until(until).await;
        self.chrome.longest_task().await.unwrap()
    }

    async fn act(&self, action: &str) {
        self.chrome.evaluate(&format!("({action}, null)")).await.unwrap();
    }

    /// The page looks itself: each question by the driver would cost it something. Two frames draw
    /// what has come about.
    async fn until(&self, condition: &str) {
        let look = format!(
            "new Promise((done) => {{ const look = () => {condition} \
             ? requestAnimationFrame(() => requestAnimationFrame(() => done(true))) : setTimeout(look, 20); look(); }})"
        );
        self.chrome.wait_for(&look).await.unwrap();
    }
}

/// What a person notices is how long the page answers nobody.
fn told(name: &str, longest: f64) {
    let verdict = if longest <= BAR_MS { "PASS" } else { "over" };
    let shown = if longest == 0.0 { "< 50".to_owned() } else { format!("{longest:.0}") };
    eprintln!("| {name} | {shown} ms | ≤ {BAR_MS:.0} ms | {verdict} |");
}

/// What a browser remembers of conversations.
fn remembered() -> String {
    let titles =
        (0..TITLES).map(|at| (key(at), json!({"title": format!("Title {at}"), "renamed": false})));
    let titles = Value::Object(titles.collect());
    format!("localStorage.setItem('arca.titles', {:?})", titles.to_string())
}

fn key(at: u64) -> String {
    format!("agent:main:other-{at}")
}

/// What the assistant has kept.
fn everything() -> Value {
    let mut all: serde_json::Map<String, Value> = (0..CONVERSATIONS)
        .map(|at| {
            let title = format!("conversation number {at}");
            (key(at), conversation(&key(at), BEGUN + at * 60_000, &title, 1))
        })
        .collect();
    let long = "agent:main:long";
    all.insert(long.to_owned(), conversation(long, BEGUN, "a long one", MESSAGES / 2));
    all.into()
}

fn conversation(key: &str, at: u64, title: &str, turns: u64) -> Value {
    let messages: Vec<Value> = (0..turns)
        .flat_map(|turn| {
            let at = at + turn * 2_000;
            let answer = format!(
                "The **answer** to {turn}:\n\n- one thing, with `code`\n- and another\n\nThat is all there is to say."
            );
            [
                message(at, turn, 0, &json!({"user": {"text": format!("{title}, turn {turn}")}})),
                message(at, turn, 1, &json!({"assistant": {"text": answer, "stop_reason": "stop"}})),
            ]
        })
        .collect();
    let end = at + turns * 2_000;
    json!({"key": key, "id": format!("id-{key}"), "created_at": at, "updated_at": end,
        "messages": messages, "last_run": null})
}

fn message(at: u64, turn: u64, part: u64, body: &Value) -> Value {
    json!({"id": format!("{at}-{part}"), "timestamp": at + part, "run_id": format!("run-{turn}"), "body": body})
}
