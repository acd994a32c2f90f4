// The small pure parts: addresses, titles, skills, links, memory.

import assert from 'node:assert/strict';
import test from 'node:test';

import { fromHash, isConversation, MAIN, toHash } from '../address.js';
import { initial, reduce } from '../conversations.js';
import { ageGroup, entries, titleFrom } from '../conversation-list.js';
import { newIdentifier } from '../identifier.js';
import { isSafeLink, NO_HEADING, outlined, settledCount } from '../markdown.js';
import { blocksOf } from '../pieces.js';
import { checkedSettings, DEFAULT_SETTINGS, Memory } from '../memory.js';
import { readSkills, skillList } from '../skills.js';
import { listed } from './world.js';

test('an address names a conversation of this workspace, or nothing', () => {
  assert.equal(fromHash(toHash(MAIN)), MAIN);
  assert.equal(fromHash('#/c/openai%3Aabc'), 'agent:main:openai:abc');
  for (const hash of ['', '#', '#/c/', '#/c/%', '#/c/a b', '#/c/<script>', `#/c/${'x'.repeat(300)}`]) {
    assert.equal(fromHash(hash), null, hash);
  }
  assert.equal(isConversation('agent:other:main'), false);
});

test('a title is the first line with words, as it was written', () => {
  assert.equal(titleFrom('\n---\n  Plan  Lisbon\nwith children'), 'Plan Lisbon');
  assert.equal(titleFrom('What is window.__hacked * 2?'), 'What is window.__hacked * 2?');
  assert.equal(titleFrom('x'.repeat(500)).length, 80);
});

test('conversations stand in the order of their last activity', () => {
  const sessions = [
    { key: 'agent:main:old', updatedAt: 10, derivedTitle: 'Old' },
    { key: 'agent:main:new', updatedAt: 20, derivedTitle: 'New' },
    { key: 'agent:main:cron', updatedAt: 30, isBackground: true },
    { key: 'global', updatedAt: 40 },
  ];
  const state = reduce(initial(), { type: 'opened', key: 'agent:main:empty', fresh: true });
  const list = entries({ sessions: listed(sessions), state, memory: new Memory(null) });
  assert.deepEqual(list.map(({ title }) => title), ['New conversation', 'New', 'Old']);
  assert.deepEqual(list.map(({ current }) => current), [true, false, false]);
});

test('ages count from midnight', () => {
  const now = new Date(2026, 5, 15, 9).getTime();
  assert.equal(ageGroup(new Date(2026, 5, 15, 0, 1).getTime(), now), 'Today');
  assert.equal(ageGroup(new Date(2026, 5, 14, 23, 59).getTime(), now), 'Yesterday');
  assert.equal(ageGroup(new Date(2026, 5, 10).getTime(), now), 'Last 7 days');
  assert.equal(ageGroup(0, now), 'Earlier');
  assert.equal(ageGroup(Infinity, now), 'Today');
});

test('what a skill is missing is said in words', () => {
  const missing = (missingParts, rest = {}) =>
    skillList(['s'], [{ skillKey: 's', eligible: false, missing: missingParts, ...rest }]).chosen[0].reason;
  assert.equal(missing({ bins: ['gh'] }), 'Needs the program gh.');
  assert.equal(missing({ bins: ['a', 'b', 'c'], env: ['KEY'] }), 'Needs the programs a, b, and c and a key (KEY).');
  assert.equal(missing({ anyBins: ['a', 'b'] }), 'Needs one of the programs a or b.');
  assert.equal(missing({}, { disabled: true }), 'Switched off.');
  assert.equal(missing({}), 'Not ready on your assistant.');
  assert.equal(skillList(['gone'], []).chosen[0].usable, false);
});

test('a skill whose key the gateway does not ask for is not ready before it is there', async () => {
  const notion = { skillKey: 'notion', eligible: true, primaryEnv: 'NOTION_API_TOKEN', requirements: { env: [] }, missing: { env: [] } };
  const read = async (row, keyed) => skillList([row.skillKey], await readSkills(async (method) => ({ skills: method === 'skills.status' ? [row] : keyed })));
  const [before] = (await read(notion, [])).chosen;
  assert.deepEqual([before.usable, before.reason, before.keys], [false, 'Needs a key (NOTION_API_TOKEN).', [null]]);
  const [after] = (await read(notion, ['notion'])).chosen;
  assert.deepEqual([after.usable, after.keys], [true, [null]]);
  // Whatever the gateway's row says of it.
  assert.deepEqual((await read({ skillKey: 'notion', eligible: true }, [])).chosen[0].keys, [null]);
  assert.equal((await read({ skillKey: 'notion', eligible: true }, undefined)).chosen[0].usable, false);
  assert.deepEqual(skillList([], [notion]).others, []);
  const gone = { ...notion, eligible: false, missing: { anyBins: ['ntn', 'curl'] } };
  assert.deepEqual((await read(gone, [])).chosen[0].keys, []);
});

test('a skill that signs in by itself is not called ready', () => {
  const rows = [{ skillKey: 'gog', eligible: true }, { skillKey: 'github', eligible: false, missing: { bins: ['gh'] } }, { skillKey: 'weather', eligible: true }];
  const { chosen } = skillList(['gog', 'github', 'weather'], rows);
  assert.deepEqual(chosen.map(({ usable, signsIn }) => [usable, signsIn]), [[true, true], [false, false], [true, false]]);
});

test('each key that a skill needs has its own field', () => {
  const env = ['TRELLO_API_KEY', 'TRELLO_TOKEN'];
  const [trello] = skillList(['trello'], [{ skillKey: 'trello', eligible: false, requirements: { env }, missing: { env: ['TRELLO_TOKEN'] } }]).chosen;
  assert.deepEqual(trello.keys, env);
  assert.equal(trello.reason, 'Needs a key (TRELLO_TOKEN).');
  const whisper = { skillKey: 'openai-whisper-api', eligible: true, primaryEnv: 'OPENAI_API_KEY', requirements: { env: ['OPENAI_API_KEY'] }, missing: {} };
  const [ready] = skillList(['openai-whisper-api'], [whisper]).chosen;
  assert.deepEqual([ready.usable, ready.keys], [true, [null]]);
});

test('a skill that was not chosen is listed only when it can be used', () => {
  const rows = [
    { skillKey: 'tmux', eligible: true },
    { skillKey: 'gog', eligible: false },
    { skillKey: 'kept-away', eligible: true, blockedByAllowlist: true },
  ];
  assert.deepEqual(skillList([], rows).others.map(({ name }) => name), ['Terminal']);
});

test('a skill is described in the words of the shop, and an unknown one in its own', () => {
  const rows = [{ skillKey: 'weather', eligible: true, description: 'uses web_fetch' }, { skillKey: 'my-own', eligible: true, description: 'mine' }];
  const [weather, own] = skillList(['weather', 'my-own'], rows).chosen;
  assert.doesNotMatch(weather.description, /web_fetch/);
  assert.deepEqual([own.name, own.description], ['My own', 'mine']);
});

test('only absolute web and mail addresses are links', () => {
  for (const href of ['https://example.org/a', 'http://example.org', 'mailto:ada@example.org', 'HTTPS://EXAMPLE.ORG']) {
    assert.equal(isSafeLink(href), true, href);
  }
  for (const href of ['javascript:alert(1)', ' javascript:alert(1)', 'java\nscript:alert(1)', '/auth/logout', '//evil.test',
    'data:text/html,x', 'blob:https://x', 'vbscript:x', 'https://', '', null]) {
    assert.equal(isSafeLink(href), false, String(href));
  }
});

test('headings of an answer begin below those of the page and leave no level out', () => {
  const levels = (depths) => {
    let outline = NO_HEADING;
    return depths.map((depth) => (outline = outlined(outline, depth)).last);
  };
  assert.deepEqual(levels([1, 2, 3, 2]), [3, 4, 5, 4]);
  assert.deepEqual(levels([2, 4, 6, 1]), [3, 4, 5, 3]);
  assert.deepEqual(levels([6, 5, 4]), [3, 3, 3]);
  assert.deepEqual(levels([1, 2, 3, 4, 5, 6]), [3, 4, 5, 6, 6, 6]);
});

test('all blocks but the last are settled while a text grows', () => {
  const blocks = blocksOf('# One\n\nTwo\n\n- three');
  assert.equal(blocks[settledCount(blocks)].type, 'list');
  assert.equal(settledCount(blocksOf('only one')), 0);
  assert.equal(settledCount(blocksOf('')), 0);
});

test('settings that make no sense are the usual ones', () => {
  assert.deepEqual(checkedSettings({ theme: 'neon', text: 7, enterSends: 'yes' }), { ...DEFAULT_SETTINGS });
  assert.equal(checkedSettings({ theme: 'dark' }).theme, 'dark');
  assert.deepEqual(checkedSettings(null), { ...DEFAULT_SETTINGS });
});

test('memory without storage forgets, and does not fail', () => {
  const memory = new Memory(null);
  memory.keepDraft(MAIN, 'hello');
  assert.equal(memory.draft(MAIN), '');
});

test('identifiers are version 4 and differ', () => {
  const made = new Set(Array.from({ length: 100 }, newIdentifier));
  assert.equal(made.size, 100);
  for (const id of made) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
