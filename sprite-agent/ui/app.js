// Starts the page: brings workspace, connection and views together.

import { limitsFrom } from './attachments.js';
import { fromHash, MAIN, toHash } from './address.js';
import { Connection } from './connection.js';
import { newIdentifier } from './identifier.js';
import { groupsOf } from './conversation-list.js';
import { plannedIn, readFile, search as findText } from './lookup.js';
import { Memory } from './memory.js';
import { Rest } from './rest.js';
import { skillList } from './skills.js';
import { language, locale, t, translate } from './words.js';
import { Workspace } from './workspace.js';
import { Announcer } from './view/announcer.js';
import { AttachmentsView } from './view/attachments.js';
import { Composer } from './view/composer.js';
import { ConversationsView } from './view/conversations.js';
import { answered, confirmed, told } from './view/dialog.js';
import { ExportView } from './view/export.js';
import { FolderView } from './view/folder.js';
import { FocusKeeper } from './view/focus.js';
import { GatewayPageView } from './view/gateway-page.js';
import { GreetingView } from './view/greeting.js';
import { PromptsView } from './view/prompts.js';
import { QueueView } from './view/queue.js';
import { showRests } from './view/rest-button.js';
import { SchedulesView } from './view/schedules.js';
import { SearchView } from './view/search.js';
import { SettingsView } from './view/settings.js';
import { Sidebar } from './view/sidebar.js';
import { SkillsView } from './view/skills.js';
import { TelegramView } from './view/telegram.js';
import { ShortcutsView } from './view/shortcuts.js';
import { ShutView } from './view/shut.js';
import { StatusView } from './view/status.js';
import { ThreadView } from './view/thread.js';
import { Toasts } from './view/toasts.js';

/** Repairs of the agent's that are told of. */
const REPAIRS = ['doctor', 'last_good', 'pinned_version'];
/** The subscription is asked about at most this often; more often while a notice of it stands in the page. */
const NOTICE_EVERY_MS = 3_600_000;
const NOTICE_SHOWN_EVERY_MS = 10_000;
/** Wait before asking for the configuration again, in milliseconds. */
const CONFIG_AGAIN_MS = 5_000;
/** What changes out of sight is shown after this long, in milliseconds: browsers hold the timers of such pages to once a second. */
const UNSEEN_MS = 1_000;

const clock = {
  now: () => Date.now(),
  setTimeout: (then, wait) => setTimeout(then, wait),
  clearTimeout: (timer) => clearTimeout(timer),
};

let config = { username: '', site_url: '', skills: null, limits: {}, assistant: {} };
let frame = null;
let unseenTimer = null;
let threadFrame = null;
let composer = null;
let noticeReadAt = 0;
/** What the connection was when the configuration was looked at. */
let knownKind = '';
/** The conversation that is on the page. */
let shownKey = null;

document.documentElement.lang = language;
translate(document);
const memory = new Memory(storage());
const workspace = new Workspace({
  memory, clock, newId: newIdentifier, onChange: changed,
  onPlans: () => schedules.changed(),
  onLate: () => toasts.show({ kind: 'late', text: t('ask.late'), stays: true }),
});
const callbacks = workspace.callbacks();
const connection = new Connection({
  url: `${location.origin.replace(/^http/, 'ws')}/ws`,
  sessionUrl: '/auth/session',
  openSocket: (url) => new WebSocket(url),
  fetch: (url, options) => fetch(url, options),
  clock,
  random: Math.random,
  ...callbacks,
  onState(state) {
    callbacks.onState(state);
    for (const panel of panels) panel.connectionChanged?.();
  },
  onHello(hello) {
    callbacks.onHello(hello);
    for (const panel of panels) panel.greeted();
  },
});
workspace.use(connection);
const request = (method, params) => workspace.request(method, params);

/** The open conversation, which the assistant has to know before it can speak in it by itself. */
async function planningPlace() {
  const key = workspace.state.current;
  if (!workspace.sessions.has(key)) await request('sessions.patch', { key, unread: false });
  return key;
}

/** Why a panel can ask the assistant nothing now, in words; '' when it can. */
function absence() {
  if (workspace.isOnline) return '';
  return t(workspace.connectionState.kind === 'failed' ? 'away' : 'panel.connecting');
}

const status = new StatusView({ tryNow: () => connection.wake() });
const shut = new ShutView();
const settings = new SettingsView(memory);
const skills = new SkillsView({
  canSwitch: () => workspace.can('arca.skill.switch'),
  canSetKey: () => workspace.can('arca.skill.key'),
  ask: (text) => composer.restore({ text, files: [] }),
  turn: (skill, on) => workspace.changeSkill('arca.skill.switch', { skill, on }),
  setKey: (skill, key, name) => workspace.changeSkill('arca.skill.key', { skill, key, ...(name && { name }) }),
});
const telegram = new TelegramView({ absence, can: () => workspace.can('arca.telegram.connect'), request });
const schedules = new SchedulesView({
  absence,
  canChange: () => workspace.can('arca.schedule.pause'),
  canAdd: () => workspace.can('arca.schedule.add'),
  request,
  place: planningPlace,
});
const folder = new FolderView({ absence, request });
const panels = [skills, telegram, schedules, folder];
const gatewayPage = new GatewayPageView();
const shortcuts = new ShortcutsView();
const toasts = new Toasts();
const announcer = new Announcer(toasts);
const greeting = new GreetingView((text) => composer.suggest(text), memory);
const thread = new ThreadView({
  retry,
  edit,
  answerAnew,
  fork,
  canFork: () => workspace.rewriting.canFork,
  canReplace: () => workspace.rewriting.isPossible,
  readEarlier: () => workspace.readEarlier(),
  readFile: (file) => readFile(request, workspace.thread.key, file),
});
const attachments = new AttachmentsView({
  limits,
  changed: () => composer?.show(),
  refused: (text) => composer.refuse(text),
});
composer = new Composer(memory, attachments, {
  send: (text, files) => workspace.send(text, files),
  replace: (id, text, files) => workspace.replace(id, text, files),
  commands: () => workspace.commands(),
  stop: () => workspace.stop(),
  takeBack: () => workspace.takeBack(),
  enterSends: () => settings.enterSends,
  limits,
});
const queue = new QueueView({
  edit: (id) => composer.restore(workspace.takeBack(id)),
  remove: (id) => workspace.takeBack(id),
  sendNow: () => workspace.sendQueued(),
});
const prompts = new PromptsView({
  answer: (id, answers) => workspace.asking.answer(id, answers),
  skip: (id) => workspace.asking.skip(id),
  decide: (id, isAllowed) => workspace.asking.decide(id, isAllowed),
});
new ExportView({
  current: () => workspace.list().find(({ current }) => current) ?? { key: workspace.thread.key, title: t('conversation.one') },
  all: () => workspace.list(),
  readAll: (key) => workspace.histories.readAll(key),
  readFile: (key, file) => readFile(request, key, file),
  showWhole: async () => {
    await workspace.histories.readWhole(workspace.thread.key);
    render();
    showWhole();
  },
});
addEventListener('beforeprint', showWhole);
addEventListener('afterprint', () => thread.showNear());
const focus = new FocusKeeper(() => (matchMedia('(pointer: coarse)').matches ? focusThread() : composer.focus()));
const sidebar = new Sidebar();
const conversations = new ConversationsView({ opened, rename, pin, group, remove, renameGroup, deleteGroup });
const search = new SearchView({ search: (text) => findText(request, workspace.list(), text), opened });

function storage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

// --- showing -------------------------------------------------------------------

/** Many changes in one frame are shown once. A page out of sight has no frames, and counts the answers that come all the same. */
function renderSoon() {
  if (document.visibilityState === 'visible') frame ??= requestAnimationFrame(render);
  else unseenTimer ??= setTimeout(render, UNSEEN_MS);
}

/** Another conversation is shown at once: what is typed from now on belongs to it. */
function changed() {
  if (workspace.state.current === shownKey) renderSoon();
  else render();
}

function render() {
  stateChanged(workspace.connectionState);
  cancelAnimationFrame(frame);
  clearTimeout(unseenTimer);
  frame = null;
  unseenTimer = null;
  shownKey = workspace.state.current;
  const accountUrl = config.site_url && `${config.site_url}/account`;
  status.update(workspace.connectionState, accountUrl, workspace.connectionState.reason ?? config.assistant.reason);
  const isShut = shut.update(workspace.connectionState.kind, config.site_url, memory.keepsWriting());
  document.getElementById('app').hidden = isShut;
  if (isShut) {
    clear();
    return;
  }
  keepAddress();
  const list = workspace.list();
  const known = skillList(config.skills ?? [], workspace.skillRows ?? []);
  conversations.update(list);
  skills.update(known, config.skills !== null && workspace.skillRows !== null);
  settings.update({ username: config.username, accountUrl });
  composer.update(workspace.thread.key, workspace.obstacle);
  prompts.update(workspace.prompts);
  queue.update(workspace.thread.queue, workspace.queueWaits);
  const { loaded, messages } = workspace.thread;
  greeting.update(loaded && messages.length === 0, known.chosen, workspace.sessions.complete && workspace.sessions.rows.length === 0);
  const { threads, current } = workspace.state;
  announcer.update(list, { threads, current, asked: workspace.asking.prompts });
  showThread();
  focus.check();
}

/** Everything that was said and is known, for the printer. */
function showWhole() {
  thread.showWhole();
  showRests(document.getElementById('thread'));
}

/** What the thread puts off follows in the next frames, without all the rest. */
function showThread() {
  cancelAnimationFrame(threadFrame);
  threadFrame = thread.update(workspace.thread) ? null : requestAnimationFrame(showThread);
}

function limits() {
  return limitsFrom(workspace.policy, config.limits);
}

/** Where reading goes on, on a touch screen: a field would bring up the keyboard. */
function focusThread() {
  document.getElementById('scroller').focus();
}

function clear() {
  cancelAnimationFrame(threadFrame);
  thread.clear();
  greeting.update(false, [], false);
  search.clear();
  schedules.clear();
  folder.clear();
  // An open dialog would keep the way on out of reach.
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
}

// --- conversations ---------------------------------------------------------------

/** Shows the conversation `key`, so that the way back leads to the one before; `fresh` as of `Workspace.open`. */
function goTo(key, fresh = false) {
  location.hash = toHash(key);
  workspace.open(key, fresh);
  opened();
}

/** A conversation was chosen: the way is free for writing in it. */
function opened() {
  sidebar.close();
  composerFocus();
}

/** A conversation nobody has written in yet is used before another one is begun. */
function goToNew() {
  const { key, loaded, messages, queue: waiting } = workspace.thread;
  const isEmpty = loaded && messages.length === 0 && waiting.length === 0 && memory.draft(key) === '';
  if (isEmpty && key !== MAIN) opened();
  else goTo(workspace.newKey(), true);
}

/** Where the address names nothing, what was looked at last is shown, or a new conversation. */
function openFromAddress() {
  const known = fromHash(location.hash) ?? memory.lastOpen();
  const key = known ?? workspace.newKey();
  if (key !== workspace.state.current) workspace.open(key, !known);
  opened();
}

/** The address names what is shown, so that a reload and a link show it again. */
function keepAddress() {
  const { current } = workspace.state;
  if (fromHash(location.hash) !== current) history.replaceState(null, '', toHash(current));
  memory.keepLastOpen(current);
}

/** A person is back: what had been left for that is done now. */
function wake() {
  if (connection.state.kind !== 'asleep') return;
  connection.wake();
  if (!config.username) readConfig();
}

/** On a touch screen the keyboard comes when it is asked for, not by itself. */
function composerFocus() {
  if (!matchMedia('(pointer: coarse)').matches) composer.focus();
}

/** A message that is changed takes the old one's place, or is one more, as the assistant can. */
function edit(id) {
  const message = workspace.thread.messages.find((candidate) => candidate.id === id);
  if (message) composer.edit(message, workspace.rewriting.isPossible);
}

/** Asks once more; where the page has the files no more, the person attaches them again. */
async function retry(id) {
  const question = workspace.withoutFiles(id);
  if (question) edit(question.id);
  else if (await workspace.reached()) workspace.retry(id);
}

/** Goes on from before the question `id` in a conversation of its own; this one stays as it is. */
async function fork(id) {
  try {
    const { key, text } = await workspace.rewriting.fork(workspace.thread.key, id);
    goTo(key);
    workspace.sessions.soon();
    composer.suggest(text);
  } catch (error) {
    composer.refuse(error.uncertain ? t('away') : t('says', { reason: error.message }));
  }
}

async function answerAnew(id) {
  const question = workspace.withoutFiles(id);
  if (question) {
    edit(question.id);
    return;
  }
  await workspace.reached();
  if (workspace.obstacle) {
    composer.refuse(t(workspace.obstacle === 'offline' ? 'away' : 'answer.busy'));
    return;
  }
  try {
    await workspace.answerAnew(id);
  } catch (error) {
    composer.refuse(error.uncertain ? t('away') : t('edit.failed', { reason: error.message }));
  }
}

async function rename({ key, title }) {
  const name = await answered({ title: t('rename.title'), label: t('rename.label'), value: title, action: t('rename.action') });
  conversations.focus(key, 'rename');
  if (!name) return;
  try {
    await workspace.sessions.rename(key, name);
  } catch (error) {
    await told({ title: t('rename.failed'), text: whyNot(error, t('rename.taken'), /in use/) });
  }
}

async function pin({ key, pinned }) {
  try {
    await workspace.sessions.pin(key, !pinned);
  } catch (error) {
    await told({ title: t(pinned ? 'unpin.failed' : 'pin.failed'), text: whyNot(error) });
  }
}

async function group({ key, title, group: present }) {
  const name = await answered({
    title: t('group.title', { title }), label: t('group.label'), value: present ?? '', action: t('group.action'), known: groupsOf(workspace.sessions), mayBeEmpty: true,
  });
  conversations.focus(key, 'group');
  if (name === null) return;
  try {
    await workspace.sessions.group(key, name);
  } catch (error) {
    await told({ title: t('group.failed'), text: whyNot(error) });
  }
}

async function renameGroup(name) {
  const to = await answered({ title: t('group.rename', { name }), label: t('rename.label'), value: name, action: t('rename.action') });
  if (!to) return;
  try {
    await workspace.sessions.renameGroup(name, to);
  } catch (error) {
    await told({ title: t('rename.failed'), text: whyNot(error) });
  }
}

async function deleteGroup(name) {
  const sure = await confirmed({ title: t('group.delete', { name }), text: t('group.delete-text'), action: t('delete.action'), dangerous: true });
  if (!sure) return;
  try {
    await workspace.sessions.deleteGroup(name);
  } catch (error) {
    await told({ title: t('delete.failed'), text: whyNot(error) });
  }
}

async function remove({ key, title }) {
  const planned = await plannedIn(request, key);
  const sure = await confirmed({
    title: t('delete.title'),
    text: [t('delete.text', { title }), planned > 0 && t('delete.plans', { count: planned })].filter(Boolean).join(' '),
    action: t('delete.action'),
    dangerous: true,
  });
  if (!sure) return;
  const isShown = key === workspace.state.current;
  const removing = workspace.remove(key);
  if (isShown) composerFocus();
  try {
    const done = await removing;
    if (done === 'later') await told({
      title: t('delete.later'),
      text: t('delete.later-text'),
    });
  } catch (error) {
    await told({ title: t('delete.failed'), text: whyNot(error) });
  }
}

/** What a person is told of a refusal; `known` in its place where the gateway's words match `pattern`. */
function whyNot(error, known, pattern) {
  if (error.uncertain) return t('away');
  return pattern?.test(error.message) ? known : t('says', { reason: error.message });
}

// --- starting --------------------------------------------------------------------

/** What the agent says of the assistant is read again when that changes. */
function stateChanged({ kind }) {
  const says = ['starting', 'restarting', 'failed'].includes(kind) || (kind === 'online' && config.assistant.reason !== 'ready');
  if (kind !== knownKind && says) readConfig();
  if (kind !== knownKind && kind === 'online') readNotice();
  knownKind = kind;
}

/** A repair is told once, in each browser. */
function tellOfRepair({ by, at } = {}) {
  if (!REPAIRS.includes(by) || memory.lastTold('mended') === at) return;
  toasts.show({ kind: 'mended', text: t(`mended.${by}`), stays: true, closed: () => memory.keepTold('mended', at) });
}

/** What the site tells of the subscription, once for each thing and browser. */
async function readNotice() {
  const every = toasts.has('account') ? NOTICE_SHOWN_EVERY_MS : NOTICE_EVERY_MS;
  if (Date.now() - noticeReadAt < every || !config.site_url) return;
  noticeReadAt = Date.now();
  try {
    const answer = await fetch('/auth/notice', { cache: 'no-store' });
    const { notice } = answer.ok ? await answer.json() : {};
    if (!['overdue', 'ending'].includes(notice?.kind)) toasts.take('account');
    else tellOfAccount(notice);
  } catch {
    // Asked again with the next connection.
  }
}

function tellOfAccount({ kind, at }) {
  const told = `${kind} ${at}`;
  if (memory.lastTold('account') === told) return;
  const date = new Date(at * 1000).toLocaleDateString(locale, { day: 'numeric', month: 'long' });
  toasts.show({
    kind: 'account',
    text: t(`account.${kind}`, { date }),
    link: { href: `${config.site_url}/account`, words: t('settings.account'), isOutside: true },
    stays: true,
    closed: () => memory.keepTold('account', told),
  });
}

async function readConfig() {
  try {
    const answer = await fetch('/config.json', { cache: 'no-store' });
    if (!answer.ok) throw new Error(`config.json answered ${answer.status}`);
    const { username = '', site_url: site = '', skills: names = [], limits = {}, assistant = {}, settings: choices = {} } = await answer.json();
    gatewayPage.update(choices);
    config = { username, site_url: /^https?:\/\//.test(site) ? site : '', skills: names, limits, assistant };
    tellOfRepair(assistant.mended ?? {});
    readNotice();
    renderSoon();
  } catch {
    // The connection tells the visitor what is wrong; names and limits follow when they can be had.
    if (connection.state.kind !== 'asleep') setTimeout(readConfig, CONFIG_AGAIN_MS);
  }
}

document.getElementById('new-conversation').addEventListener('click', goToNew);
document.addEventListener('keydown', (event) => {
  const isShortcut = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'k';
  if (!isShortcut || document.querySelector('dialog[open]')) return;
  event.preventDefault();
  goToNew();
});
document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]')) return;
  const isWriting = event.target.closest?.('input, textarea');
  const withShift = event.shiftKey && !event.altKey;
  if (event.key === '?' && !isWriting && !event.ctrlKey && !event.metaKey) shortcuts.open();
  else if (event.key.toLowerCase() === 'k' && withShift && (event.ctrlKey || event.metaKey)) sidebar.search();
  else if (event.key === 'Escape' && withShift) composer.focus();
  else return;
  event.preventDefault();
});
document.addEventListener('keydown', (event) => {
  const isElsewhere = event.defaultPrevented || event.isComposing || event.keyCode === 229 || sidebar.isOpen;
  if (event.key === 'Escape' && !event.shiftKey && !isElsewhere && !document.querySelector('dialog[open]')) workspace.stop();
});
addEventListener('storage', () => workspace.queuesChanged());
addEventListener('hashchange', openFromAddress);
addEventListener('online', () => connection.wake());
addEventListener('offline', () => connection.networkLost());
const rest = new Rest({
  clock,
  isHidden: document.visibilityState !== 'visible',
  isBusy: () => workspace.isBusy,
  sleep: () => connection.sleep(),
  wake,
});
document.addEventListener('visibilitychange', () => {
  const isVisible = document.visibilityState === 'visible';
  rest.seen(isVisible);
  if (isVisible) announcer.seen();
  if (!isVisible) {
    // What waits for a frame would wait until somebody looks.
    if (frame !== null) renderSoon();
    return;
  }
  connection.wake();
  readNotice();
  // What another tab has done to what this browser keeps tells nobody.
  renderSoon();
});
addEventListener('pagehide', () => rest.left());
addEventListener('pageshow', ({ persisted }) => persisted && rest.seen(true));
// A screen reader clicks without a pointer.
for (const sign of ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'click']) {
  addEventListener(sign, () => rest.touched(), { passive: true, capture: true });
}
addEventListener('focus', () => rest.touched());

openFromAddress();
readConfig();
connection.start();
renderSoon();
