// The panel of what the assistant has planned: when next, how often; added, paused, resumed, deleted.

import { JOBS_MAX, plans, PLANS_MAX } from '../schedules.js';
import { closable, confirmed } from './dialog.js';
import { element, icon } from './element.js';
import { PlanForm } from './plan-form.js';
import { t } from '../words.js';

export class SchedulesView {
  #dialog = document.getElementById('schedules-panel');
  #body = document.getElementById('schedules-body');
  #actions;
  #form;
  /** Rows of `plans`; `null` until the assistant has told them. */
  #plans = null;
  /** A change that is under way, by job. */
  #changing = new Set();
  /** Why the last change, and why the last reading, did not work. */
  #error = '';
  #readError = '';

  /**
   * `actions`: `absence()`, why nothing can be asked now, in words; `canChange()`, `canAdd()`;
   * `request(method, params)`, which may reject; `place()`, which tells the conversation that a new plan is to
   * speak in.
   */
  constructor(actions) {
    this.#actions = actions;
    closable(this.#dialog);
    this.#form = new PlanForm({ add: (plan) => this.#add(plan) });
    this.#body.before(this.#form.element);
    document.getElementById('schedules').addEventListener('click', () => {
      this.#dialog.showModal();
      this.#error = '';
      this.#form.open();
      this.#show();
      this.read();
    });
  }

  /** The assistant says that something about its plans changed. */
  changed() {
    if (this.#dialog.open) this.read();
  }

  /** The assistant can be asked, again or for the first time: what could not be reached can. */
  greeted() {
    this.#error = '';
    this.changed();
  }

  /** Something about the connection changed. */
  connectionChanged() {
    if (this.#dialog.open) this.#show();
  }

  /** Forgets what was told to somebody who is signed in no more. */
  clear() {
    this.#plans = null;
    this.#body.replaceChildren();
  }

  async read() {
    // The next greeting reads it.
    if (this.#actions.absence()) return;
    try {
      const { jobs } = await this.#actions.request('cron.list', { includeDisabled: true, limit: JOBS_MAX });
      this.#plans = plans(Array.isArray(jobs) ? jobs : [], Date.now());
      this.#readError = '';
    } catch (error) {
      this.#readError = reason(error);
    }
    this.#show();
  }

  async #change(id, method, params) {
    this.#changing.add(id);
    this.#error = '';
    this.#show();
    try {
      await this.#actions.request(method, params);
    } catch (error) {
      this.#error = reason(error);
    }
    this.#changing.delete(id);
    await this.read();
  }

  /** Rejects with what a person can read. */
  async #add(plan) {
    try {
      const sessionKey = await this.#actions.place();
      await this.#actions.request('arca.schedule.add', { sessionKey, ...plan });
    } catch (error) {
      throw new Error(reason(error), { cause: error });
    }
    await this.read();
  }

  async #remove({ id, name }) {
    const sure = await confirmed({ title: t('plan.delete-title'), text: t('plan.delete-text', { name }), action: t('delete.action'), dangerous: true });
    if (sure) await this.#change(id, 'arca.schedule.delete', { id });
  }

  #show() {
    const focused = this.#body.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    const absence = this.#actions.absence();
    const error = this.#error || (absence ? '' : this.#readError);
    const note = absence || (this.#plans === null && !error ? t('plans.reading') : '');
    this.#form.element.hidden = !this.#actions.canAdd() || this.#plans?.length >= PLANS_MAX;
    this.#body.replaceChildren(...[
      error && element('p', { class: 'problem', role: 'alert' }, error),
      note && element('p', { class: 'quiet', role: 'status' }, note),
      this.#plans?.length === 0 && element('p', { class: 'quiet', 'data-testid': 'no-plans' }, t('plans.none')),
      this.#plans?.length > 0 && element('ul', { class: 'skills' }, this.#plans.map((plan) => this.#row(plan))),
    ].filter(Boolean));
    if (focused) this.#focus(focused);
  }

  /** What is under way is disabled and loses the focus; a row that is gone leaves it to the panel. */
  #focus(name) {
    const same = [...this.#body.querySelectorAll('[data-focus]')].find(({ dataset, disabled }) => dataset.focus === name && !disabled);
    (same ?? this.#dialog.querySelector('.dialog-close')).focus();
  }

  #row(plan) {
    const { id, name, does, often, next, isPaused, isRunning, problem } = plan;
    const state = isRunning ? t('plan.running') : next ? t('plan.next', { when: next }) : t(isPaused ? 'plan.paused' : 'plan.over');
    return element('li', { 'data-usable': String(!isPaused && !problem), 'data-testid': 'plan' },
      element('span', { class: 'sign' }, icon(isPaused ? 'pause' : problem ? 'warning' : 'clock')),
      element('div', {},
        element('p', { class: 'name', dir: 'auto' }, name),
        element('p', { class: 'when', 'data-testid': 'plan-when' }, state),
        element('p', { class: 'quiet' }, often),
        does && element('p', { class: 'quiet does', dir: 'auto' }, does),
        problem && element('p', { class: 'reason' }, t('plan.failed', { reason: problem })),
        this.#actions.canChange() && element('div', { class: 'key' },
          this.#button('pause', plan, isPaused ? 'plan.resume' : 'plan.pause', () => this.#change(id, 'arca.schedule.pause', { id, paused: !isPaused })),
          this.#button('delete', plan, 'delete.action', () => this.#remove(plan)))));
  }

  /** The button's name says which plan it is of, for those who do not see where it stands. */
  #button(part, { id, name }, words, onclick) {
    return element('button', {
      type: 'button', class: 'button small', disabled: this.#changing.has(id), 'aria-label': t('plan.button', { action: t(words), name }),
      'data-focus': `${part} ${id}`, 'data-testid': `plan-${part}`, onclick,
    }, t(words));
  }
}

function reason(error) {
  return error.uncertain ? t('away') : t('says', { reason: error.message });
}
