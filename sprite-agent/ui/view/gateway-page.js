// The switch for the gateway's own page, where the workspace has one to offer.

import { t } from '../words.js';

export class GatewayPageView {
  #root = document.getElementById('gateway-page');
  #switch = this.#root.querySelector('input');
  #problem = this.#root.querySelector('.problem');
  #link = this.#root.querySelector('a');

  constructor() {
    this.#switch.addEventListener('change', () => this.#choose(this.#switch.checked));
  }

  /** Shows what `config.json` says of it: `{gateway_page, gateway_page_available}`. */
  update({ gateway_page: isOn = false, gateway_page_available: isOffered = false }) {
    this.#root.hidden = !isOffered;
    this.#show(isOn);
  }

  #show(isOn) {
    this.#switch.checked = isOn;
    this.#link.hidden = !isOn;
  }

  async #choose(isOn) {
    this.#switch.disabled = true;
    let isDone = false;
    try {
      const answer = await fetch('/settings.json', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ gateway_page: isOn }),
      });
      isDone = answer.ok;
      this.#show(isDone ? (await answer.json()).gateway_page : !isOn);
    } catch {
      this.#show(!isOn);
    }
    this.#problem.textContent = isDone ? '' : t('settings.gateway-failed');
    this.#problem.hidden = isDone;
    this.#switch.disabled = false;
    this.#switch.focus();
  }
}
