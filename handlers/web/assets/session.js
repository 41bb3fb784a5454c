// Who is signed in. The token is kept for this tab only, and its claims are
// read for display: what it may do is the server's to say.

const KEY = 'parley.token';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUserId = (text) => UUID.test(text);

class Session {
  constructor(token) {
    this.token = token;
    this.claims = claimsOf(token);
    this.scopes = new Set((this.claims.scope ?? '').split(' ').filter(Boolean));
    /** The user's id, or null for a token that is nobody's. */
    this.user = isUserId(this.claims.sub ?? '') ? this.claims.sub.toLowerCase() : null;
  }

  has(scope) {
    return this.scopes.has(scope);
  }

  /** When the token ends, or null. The reader's clock may be wrong: it is shown, not enforced. */
  get expires() {
    return this.claims.exp ? new Date(this.claims.exp * 1000) : null;
  }
}

function claimsOf(token) {
  try {
    const part = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(part), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    if (claims && typeof claims === 'object') return claims;
  } catch {
    // Whatever is wrong with it, the answer to its owner is the same.
  }
  throw new Error('This is not a Parley token. A token is one long line of letters with two dots in it.');
}

/** Opens a session with a pasted token, or throws an Error that says why not. */
export function signIn(pasted) {
  const session = new Session(pasted.trim().replace(/^Bearer\s+/i, '').replace(/\s+/g, ''));
  sessionStorage.setItem(KEY, session.token);
  return session;
}

export function signOut() {
  sessionStorage.clear();
}

/** The session of this tab, or null. */
export function currentSession() {
  const token = sessionStorage.getItem(KEY);
  if (!token) return null;
  try {
    return signIn(token);
  } catch {
    signOut();
    return null;
  }
}

/**
 * Takes a token out of the address (#token=…), before anybody can read it over
 * a shoulder or in the history. Returns it, or null.
 */
export function takeTokenFromAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get('token');
  if (token === null) return null;
  fragment.delete('token');
  const rest = fragment.toString();
  history.replaceState(null, '', location.pathname + location.search + (rest ? `#${rest}` : ''));
  return token;
}
