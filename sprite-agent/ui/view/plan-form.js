// The form of a new plan: what is to be done, how often, and when.

import { rareDay, timing } from '../schedules.js';
import { element } from './element.js';
import { whileOff } from './focus.js';
import { t } from '../words.js';

const OFTEN = ['once', 'daily', 'workdays', 'weekly', 'monthly'];
const HOUR_MS = 3_600_000;

export class PlanForm {
  #add;
  #text = element('textarea', { id: 'plan-text', rows: '2', maxlength: '1000', required: true, dir: 'auto', 'data-testid': 'plan-text', 'aria-describedby': 'plan-where' });
  #often = element('select', { id: 'plan-often', 'data-testid': 'plan-often', onchange: () => this.#fit() }, OFTEN.map((often) => element('option', { value: often }, t(`plan.often-${often}`))));
  #date = element('input', { id: 'plan-date', type: 'date', required: true, onchange: () => this.#fit(), 'aria-describedby': 'plan-rare', 'data-testid': 'plan-date' });
  #time = element('input', { id: 'plan-time', type: 'time', required: true, 'data-testid': 'plan-time' });
  #rare = element('p', { class: 'quiet', id: 'plan-rare', role: 'status', 'data-testid': 'plan-rare' });
  #button = element('button', { class: 'button primary', 'data-testid': 'plan-add' }, t('plan.add'));
  #problem = element('p', { class: 'problem', role: 'alert', hidden: true });
  #day;

  /** `add(plan)` with `{text, at}` or `{text, rule, zone}`; what it rejects with is shown. */
  constructor({ add }) {
    this.#add = add;
    this.#day = field('date', this.#date);
    const form = element('form', { onsubmit: (event) => this.#submit(event) },
      field('text', this.#text),
      element('div', { class: 'plan-when' }, field('often', this.#often), this.#day, field('time', this.#time)),
      this.#rare,
      element('p', { class: 'quiet', id: 'plan-where' }, t('plan.where')),
      this.#problem,
      this.#button);
    this.element = element('details', { class: 'new-plan', hidden: true }, element('summary', { 'data-testid': 'new-plan' }, t('plan.new')), form);
  }

  /** Suggests the next full hour, and keeps what was written. */
  open() {
    if (this.#text.value) return;
    const next = new Date(Date.now() + HOUR_MS);
    const two = (number) => String(number).padStart(2, '0');
    this.#date.value = `${next.getFullYear()}-${two(next.getMonth() + 1)}-${two(next.getDate())}`;
    this.#time.value = `${two(next.getHours())}:00`;
    this.#say('');
    this.#fit();
  }

  /** Every day has no date; a week and a month take theirs from it, and some months do not have each day. */
  #fit() {
    this.#day.hidden = ['daily', 'workdays'].includes(this.#often.value);
    this.#date.required = !this.#day.hidden;
    const day = rareDay({ often: this.#often.value, date: this.#date.value });
    this.#rare.textContent = day === null ? '' : t('plan.rare', { day });
    this.#rare.hidden = day === null;
  }

  async #submit(event) {
    event.preventDefault();
    const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
    const when = timing({ often: this.#often.value, date: this.#date.value, time: this.#time.value }, timeZone, Date.now());
    const text = this.#text.value.trim();
    if (!when || !text) {
      this.#say(t(text ? 'plan.past' : 'plan.empty'));
      (text ? this.#time : this.#text).focus();
      return;
    }
    await whileOff([this.#button], async () => {
      try {
        await this.#add({ text, ...when });
        this.#text.value = '';
        this.#say('');
        this.element.open = false;
        this.element.querySelector('summary').focus();
      } catch ({ message }) {
        this.#say(message);
      }
    });
  }

  #say(problem) {
    this.#problem.textContent = problem;
    this.#problem.hidden = !problem;
  }
}

function field(name, input) {
  return element('div', { class: 'field' }, element('label', { for: `plan-${name}` }, t(`plan.${name}`)), input);
}
