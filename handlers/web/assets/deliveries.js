// That messages have arrived on this page, told to the server a moment after:
// once for however many came in between.

const SETTLE = 1_000;

export class Deliveries {
  #api;
  #timers = new Map();
  #arrived = new Map();

  constructor(api) {
    this.#api = api;
  }

  arrived({ conversationId, number }) {
    this.#arrived.set(conversationId, Math.max(number, this.#arrived.get(conversationId) ?? -1));
    if (!this.#timers.has(conversationId)) this.#timers.set(conversationId, setTimeout(() => this.#tell(conversationId), SETTLE));
  }

  stop() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  async #tell(conversation) {
    this.#timers.delete(conversation);
    try {
      await this.#api.put(`/v1/conversations/${conversation}/delivered`, { upTo: this.#arrived.get(conversation) });
    } catch {
      // The next message to arrive tells it anew, and reading says more.
    }
  }
}
