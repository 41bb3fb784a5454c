// Server-sent events read with fetch, which sends a token along as EventSource
// cannot. See https://html.spec.whatwg.org/multipage/server-sent-events.html.

/**
 * Yields `{id, name, data}` for each event of a response's body. `data` is
 * null for one that brings nothing but an id. `alive` is called whenever
 * anything arrives, comments too.
 */
export async function* eventsOf(body, alive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let event = {};
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (line !== '') take(event, line);
      else if (event.id !== undefined || event.data !== undefined) {
        yield { id: event.id ?? null, name: event.name ?? 'message', data: event.data === undefined ? null : JSON.parse(event.data) };
        event = {};
      }
    }
  }
}

function take(event, line) {
  const colon = line.indexOf(':');
  if (colon === 0) return;
  const field = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (field === 'id') event.id = value;
  else if (field === 'event') event.name = value;
  else if (field === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`;
}
