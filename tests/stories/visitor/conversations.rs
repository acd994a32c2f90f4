//! A person and their conversations, with a real browser.

use e2e::{Chrome, Plan, Screen, SharedWorld, WorldGuard};

static WORLD: SharedWorld = SharedWorld::new();

/// A workspace for each story.
async fn world() -> WorldGuard {
    WORLD.enter(|| Plan::with_tenants(&["ada", "grace", "edith", "joan", "karen"])).await
}

async fn signed_in(world: &WorldGuard, username: &str) -> Chrome {
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.sign_in(world, username).await.unwrap();
    chrome
}

async fn say(chrome: &Chrome, message: &str) {
    chrome.fill("[data-testid=composer]", message).await.unwrap();
    chrome.click("send").await.unwrap();
}

/// Waits until `expression` is true on the page.
async fn wait_for(chrome: &Chrome, expression: &str) {
    chrome.wait_for(expression).await.unwrap();
}

#[tokio::test]
async fn a_conversation_deleted_right_after_its_first_message_is_gone_everywhere() {
    let world = world().await;
    let chrome = signed_in(&world, "ada").await;
    say(&chrome, "wanted").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    chrome.click("new-conversation").await.unwrap();
    say(&chrome, "ENDLESS and superfluous").await;
    let delete = "[data-testid=conversations] .current [data-part=remove]";
    // A person reaches it with the keyboard or by pointing at the row.
    chrome.evaluate(&format!("document.querySelector('{delete}').click()")).await.unwrap();
    chrome.click("confirm").await.unwrap();
    let titles = "[...document.querySelectorAll('[data-testid=conversations] .title')]\
                  .map(title => title.textContent)";
    let only_wanted = format!(
        "{titles}.includes('wanted') && !{titles}.some(text => text.includes('superfluous'))"
    );
    wait_for(&chrome, &only_wanted).await;
    // Another browser knows no more than the assistant.
    let another = signed_in(&world, "ada").await;
    wait_for(&another, &only_wanted).await;
}

#[tokio::test]
async fn what_is_typed_as_soon_as_a_conversation_is_opened_stays_there() {
    let world = world().await;
    let chrome = signed_in(&world, "ada").await;
    say(&chrome, "something to leave behind").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    // Before the browser has drawn the new conversation.
    let at_once = "(() => { document.getElementById('new-conversation').click(); \
                   const field = document.getElementById('composer'); field.value = 'quick words'; \
                   field.dispatchEvent(new InputEvent('input', {bubbles: true})); })()";
    chrome.evaluate(at_once).await.unwrap();
    wait_for(&chrome, "document.querySelector('#thread li') === null").await;
    wait_for(&chrome, "document.getElementById('composer').value === 'quick words'").await;
    wait_for(&chrome, "!document.getElementById('send').disabled").await;
}

#[tokio::test]
async fn what_was_begun_is_found_again_after_looking_elsewhere() {
    let world = world().await;
    let chrome = signed_in(&world, "grace").await;
    chrome.click("new-conversation").await.unwrap();
    say(&chrome, "said long ago").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    let field = "document.getElementById('composer').value";
    chrome.fill("[data-testid=composer]", "half a thought").await.unwrap();
    // A change of a message leaves the draft alone, and waits itself.
    chrome.evaluate("document.querySelector('[data-testid=edit]').click()").await.unwrap();
    wait_for(&chrome, &format!("{field} === 'said long ago'")).await;
    chrome.click("new-conversation").await.unwrap();
    wait_for(&chrome, &format!("{field} === '' && document.getElementById('editing').hidden"))
        .await;
    // So does what was begun in a conversation that nobody has written in yet.
    chrome.fill("[data-testid=composer]", "words for nobody yet").await.unwrap();
    chrome.evaluate("history.back()").await.unwrap();
    wait_for(&chrome, &format!("{field} === 'said long ago'")).await;
    chrome.click("edit-cancel").await.unwrap();
    wait_for(&chrome, &format!("{field} === 'half a thought'")).await;
    let begun = "[...document.querySelectorAll('[data-testid=conversations] .title')]\
                 .find(title => title.textContent === 'words for nobody yet')";
    wait_for(&chrome, &format!("Boolean({begun})")).await;
    chrome.evaluate(&format!("{begun}.closest('a').click()")).await.unwrap();
    wait_for(&chrome, &format!("{field} === 'words for nobody yet'")).await;
}

#[tokio::test]
async fn a_message_waits_for_the_running_answer_and_escape_stops_it() {
    let world = world().await;
    let chrome = signed_in(&world, "grace").await;
    say(&chrome, "ENDLESS please").await;
    wait_for(&chrome, "document.getElementById('thread').innerText.includes('tick2')").await;
    say(&chrome, "and then this").await;
    chrome.find("queued").await.unwrap();
    let escape = "document.getElementById('composer').dispatchEvent(\
                  new KeyboardEvent('keydown', {key: 'Escape', bubbles: true}))";
    chrome.evaluate(escape).await.unwrap();
    wait_for(
        &chrome,
        "document.getElementById('thread').innerText.includes('You said: and then this')",
    )
    .await;
    let first = "document.querySelector('[data-testid=message-assistant]').dataset.state";
    assert_eq!(chrome.evaluate(first).await.unwrap(), "aborted");
}

#[tokio::test]
async fn commands_are_completed_while_they_are_typed_with_the_keyboard_alone() {
    let world = world().await;
    let chrome = signed_in(&world, "grace").await;
    chrome.fill("[data-testid=composer]", "/").await.unwrap();
    let names =
        "[...document.querySelectorAll('.command-name')].map(name => name.textContent).join()";
    // Skills first; what only an operator has a use for is not among them.
    wait_for(&chrome, &format!("{names} === '/weather,/help,/status,/model'")).await;
    let chosen = "document.getElementById(document.getElementById('composer')\
                  .getAttribute('aria-activedescendant'))?.textContent";
    wait_for(&chrome, &format!("{chosen}.startsWith('/weather')")).await;
    let field = chrome.find("composer").await.unwrap();
    field.send_keys("st").await.unwrap();
    wait_for(&chrome, &format!("{names} === '/status'")).await;
    // Tab.
    field.send_keys("\u{e004}").await.unwrap();
    wait_for(&chrome, "document.getElementById('composer').value === '/status '").await;
    wait_for(&chrome, "document.getElementById('commands').hidden").await;
}

#[tokio::test]
async fn code_is_coloured_and_a_message_can_be_written_again() {
    let world = world().await;
    let chrome = signed_in(&world, "edith").await;
    say(&chrome, "please show some markdown").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    wait_for(&chrome, "document.querySelector('.prose .hljs-keyword')?.textContent === 'fn'").await;
    chrome.evaluate("document.querySelector('[data-testid=edit]').click()").await.unwrap();
    wait_for(&chrome, "document.getElementById('composer').value === 'please show some markdown'")
        .await;
}

#[tokio::test]
async fn formulas_are_set_and_a_hostile_one_stays_as_it_was_written() {
    let world = world().await;
    let chrome = signed_in(&world, "edith").await;
    say(&chrome, "please show a formula").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    let count = |selector: &str| format!("document.querySelectorAll('.prose {selector}').length");
    // Two within a line, two of their own, and of the last line the rule.
    wait_for(&chrome, &format!("{} === 5", count("[data-testid=formula] > math"))).await;
    wait_for(&chrome, &format!("{} === 2", count(".display > math[display=block]"))).await;
    wait_for(&chrome, &format!("{} === 2", count("code.math-inline"))).await;
    wait_for(&chrome, "document.querySelector('.prose').textContent.includes('$5 or $10')").await;
    assert!(chrome.evaluate("window.__hacked ?? null").await.unwrap().is_null());
    let inert = "document.querySelector('.prose').querySelector('a, img, [style]')";
    assert!(chrome.evaluate(inert).await.unwrap().is_null());
    let narrow = "document.querySelector('.prose').scrollWidth <= \
                  document.querySelector('.prose').clientWidth";
    wait_for(&chrome, narrow).await;
    chrome.screenshot("desktop-20-formulas").await.unwrap();
}

#[tokio::test]
async fn files_of_an_answer_are_shown_or_saved_and_never_run() {
    let world = world().await;
    let chrome = signed_in(&world, "edith").await;
    say(&chrome, "FILES please").await;
    wait_for(&chrome, "document.querySelectorAll('[data-testid=file]').length === 3").await;
    chrome.client.refresh().await.unwrap();
    wait_for(&chrome, "document.querySelectorAll('.file img').length === 1").await;
    wait_for(&chrome, "document.querySelector('.file img').naturalWidth === 64").await;
    wait_for(&chrome, "document.querySelectorAll('[data-testid=file]').length === 3").await;
    assert!(chrome.evaluate("window.__hacked ?? null").await.unwrap().is_null());
    chrome.screenshot("desktop-13-files").await.unwrap();
}

#[tokio::test]
async fn a_question_of_the_assistant_is_answered_and_the_turn_goes_on() {
    let world = world().await;
    let chrome = signed_in(&world, "joan").await;
    say(&chrome, "ASK me").await;
    chrome.find("question").await.unwrap();
    chrome.screenshot("desktop-14-question").await.unwrap();
    chrome.click_css("[data-testid=question] input[value=Blue]").await.unwrap();
    chrome.click("answer").await.unwrap();
    wait_for(&chrome, "document.getElementById('thread').innerText.includes('You said: Blue')")
        .await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    say(&chrome, "APPROVE it").await;
    chrome.click("deny").await.unwrap();
    wait_for(&chrome, "document.getElementById('thread').innerText.includes('You said: deny')")
        .await;

    // Somebody who looks elsewhere is told, and led there.
    say(&chrome, "ASK again").await;
    chrome.find("question").await.unwrap();
    chrome.click("new-conversation").await.unwrap();
    wait_for(&chrome, "Boolean(document.querySelector('#conversations .asks'))").await;
    chrome.click_css("[data-kind^=asks] a").await.unwrap();
    chrome.find("question").await.unwrap();
    wait_for(&chrome, "!document.querySelector('[data-kind^=asks]')").await;
}

#[tokio::test]
async fn the_first_of_many_messages_is_reached_by_scrolling_up() {
    const TURNS: usize = 60;
    let world = world().await;
    let chrome = signed_in(&world, "karen").await;
    let fill = format!(
        "(() => {{ window.filled = 0; let id = 0; \
         const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ws'); \
         const ask = (method, params) => socket.send(JSON.stringify({{type: 'req', id: String(++id), method, params}})); \
         const next = () => window.filled < {TURNS} ? ask('chat.send', {{sessionKey: 'agent:main:long', \
           message: `FAST number ${{window.filled}}`, idempotencyKey: `turn-${{window.filled}}`}}) : socket.close(); \
         socket.onmessage = ({{data}}) => {{ const frame = JSON.parse(data); \
           if (frame.event === 'connect.challenge') ask('connect', {{}}); \
           else if (frame.id === '1') next(); \
           else if (frame.event === 'chat' && frame.payload.state === 'final' && frame.payload.message) \
             {{ window.filled += 1; next(); }} }}; }})()"
    );
    chrome.evaluate(&fill).await.unwrap();
    wait_for(&chrome, &format!("window.filled === {TURNS}")).await;
    chrome.evaluate("location.hash = '#/c/long'").await.unwrap();
    wait_for(&chrome, "document.getElementById('thread').innerText.includes('number 59')").await;
    let up = "(document.getElementById('scroller').scrollTop = 0, \
              [...document.querySelectorAll('.bubble')].some(text => text.textContent === 'FAST number 0'))";
    wait_for(&chrome, up).await;
    wait_for(&chrome, "document.getElementById('earlier').hidden").await;
    // What is out of sight costs no layout, and takes the place that it will take in sight.
    let skipped = "!document.querySelector('#thread > :nth-child(2)').lastElementChild\
                   .checkVisibility({contentVisibilityAuto: true})";
    wait_for(&chrome, skipped).await;
    let keeps_its_place = "(() => { const thread = document.getElementById('thread'); \
        const height = () => thread.getBoundingClientRect().height; const before = height(); \
        for (const block of thread.children) block.style.contentVisibility = 'visible'; \
        const difference = Math.abs(height() - before); \
        for (const block of thread.children) block.style.contentVisibility = ''; \
        return difference < 2; })()";
    wait_for(&chrome, keeps_its_place).await;

    // What is far out of sight is out of the document, but for the paper.
    let has = |number: u32| {
        format!(
            "[...document.querySelectorAll('.bubble')].some(text => text.textContent === 'FAST number {number}')"
        )
    };
    wait_for(&chrome, &format!("!{}", has(45))).await;
    let paper = |moment: &str| {
        format!(
            "(window.dispatchEvent(new Event('{moment}print')), document.querySelectorAll('.message').length)"
        )
    };
    assert_eq!(chrome.evaluate(&paper("before")).await.unwrap(), 2 * TURNS);
    chrome.evaluate(&paper("after")).await.unwrap();
    wait_for(&chrome, &format!("!{}", has(45))).await;
    let down = format!("(document.getElementById('jump').click(), {} && !{})", has(45), has(0));
    wait_for(&chrome, &down).await;
    // What somebody has selected stays.
    let select = "(document.getElementById('scroller').scrollTop = 0, \
                  getSelection().selectAllChildren(document.querySelector('.bubble')), \
                  getSelection().toString() === 'FAST number 0')";
    wait_for(&chrome, select).await;
    let down = format!("(document.getElementById('jump').click(), {} && {})", has(45), has(0));
    wait_for(&chrome, &down).await;
}

#[tokio::test]
async fn conversations_are_kept_in_groups_that_every_browser_shows() {
    let world = world().await;
    let chrome = signed_in(&world, "joan").await;
    say(&chrome, "FAST invoices").await;
    chrome.wait_for_state("message-assistant", "done").await.unwrap();
    let act = async |chrome: &Chrome, part: &str| {
        let button = format!(
            "document.querySelector('[data-testid=conversations] .current [data-part={part}]')"
        );
        wait_for(chrome, &format!("Boolean({button})")).await;
        chrome.evaluate(&format!("{button}.click()")).await.unwrap();
    };
    act(&chrome, "group").await;
    chrome.fill("#question-field", "Money").await.unwrap();
    chrome.click("confirm").await.unwrap();
    let headings = "[...document.querySelectorAll('[data-testid=conversations] h2')].map(heading => heading.textContent)";
    wait_for(&chrome, &format!("{headings}[0] === 'Money'")).await;
    chrome.screenshot("desktop-20-groups").await.unwrap();
    let another = signed_in(&world, "joan").await;
    wait_for(&another, &format!("{headings}[0] === 'Money'")).await;

    let of_group =
        |part: &str| format!("document.querySelector('[data-testid=group-{part}]').click()");
    chrome.evaluate(&of_group("rename")).await.unwrap();
    chrome.fill("#question-field", "Finance").await.unwrap();
    chrome.click("confirm").await.unwrap();
    wait_for(&chrome, &format!("{headings}[0] === 'Finance'")).await;
    chrome.evaluate(&of_group("delete")).await.unwrap();
    chrome.click("confirm").await.unwrap();
    wait_for(&chrome, &format!("!{headings}.includes('Finance')")).await;
    wait_for(
        &chrome,
        "document.querySelector('[data-testid=conversations]').innerText.includes('invoices')",
    )
    .await;
}
