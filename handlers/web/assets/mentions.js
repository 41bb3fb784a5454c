// Whom a text concerns.

/** The ids of participants whose handle a text has after an @. */
export function mentioned(text, { participants }, people) {
  const named = new Set([...text.matchAll(/(?<![\p{L}\p{N}])@([^\s@]+)/gu)].map(([, handle]) => handle.toLowerCase().replace(/[.,;:!?)]+$/, '')));
  if (named.size === 0) return [];
  return participants.map((p) => p.userId).filter((id) => named.has(people.get(id)?.handle?.toLowerCase()));
}
