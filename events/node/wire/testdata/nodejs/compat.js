// Uses a server as EventStoreDB's own Node.js client does, and fails at the
// first answer that is not EventStoreDB's.
//
//   node compat.js HOST:PORT
"use strict";

const assert = require("node:assert/strict");
const {
  ANY, BACKWARDS, END, FORWARDS, NO_STREAM, PARK, RETRY, SKIP, START, STREAM_EXISTS,
  EventStoreDBClient, PersistentSubscriptionDoesNotExistError, PersistentSubscriptionDroppedError,
  PersistentSubscriptionExistsError, StreamDeletedError, StreamNotFoundError, WrongExpectedVersionError,
  binaryEvent, eventTypeFilter, jsonEvent, streamNameFilter,
  persistentSubscriptionToAllSettingsFromDefaults, persistentSubscriptionToStreamSettingsFromDefaults,
} = require("@eventstore/db-client");

const client = EventStoreDBClient.connectionString`esdb://${process.argv[2]}?tls=false`;

const event = (n, type = "Counted") => jsonEvent({ type, data: { n }, metadata: { by: "test" } });
const range = (from, to) => Array.from({ length: to - from }, (_, i) => event(from + i));

async function collect(source, map = (e) => e) {
  const found = [];
  for await (const e of source) found.push(map(e));
  return found;
}

const revision = (e) => Number(e.event.revision);
const place = (e) => `${e.revision}@${e.streamId}`;
const places = (e) => (e.link ? `${place(e.link)} -> ${e.event ? place(e.event) : "gone"}` : place(e.event));

// take reads some events of a subscription, which stays open.
async function take(subscription, count, map = (e) => e) {
  const found = [];
  const events = subscription[Symbol.asyncIterator]();
  while (found.length < count) {
    const { value, done } = await events.next();
    assert(!done, `the subscription ended after ${found.length} of ${count} events`);
    found.push(map(value));
  }
  return found;
}

// first is the next event that a subscription emits.
const first = (subscription) => new Promise((resolve, reject) => {
  subscription.once("data", resolve);
  subscription.once("error", reject);
});

async function rejects(promise, kind, check = () => {}) {
  await assert.rejects(promise, (err) => {
    assert(err instanceof kind, `${err} is no ${kind.name}`);
    check(err);
    return true;
  });
}

const tests = {
  async "appends answer with the next revision and the position"() {
    const one = await client.appendToStream("append-1", event(0), { expectedRevision: NO_STREAM });
    assert.equal(one.success, true);
    assert.equal(one.nextExpectedRevision, 0n);
    const more = await client.appendToStream("append-1", range(1, 4), { expectedRevision: 0n });
    assert.equal(more.nextExpectedRevision, 3n);
    assert(more.position.commit > one.position.commit);
    await client.appendToStream("append-1", event(4), { expectedRevision: STREAM_EXISTS });
    await client.appendToStream("append-1", event(5), { expectedRevision: ANY });
  },

  async "an append in several batches is stored whole"() {
    const result = await client.appendToStream("batched-1", range(0, 500), { batchAppendSize: 1000 });
    assert.equal(result.nextExpectedRevision, 499n);
    const read = await collect(client.readStream("batched-1"), revision);
    assert.deepEqual(read, range(0, 500).map((_, i) => i));
  },

  async "an append with credentials goes the unbatched way"() {
    const credentials = { username: "admin", password: "changeit" };
    const result = await client.appendToStream("single-1", range(0, 2), { credentials, expectedRevision: NO_STREAM });
    assert.equal(result.nextExpectedRevision, 1n);
    await rejects(client.appendToStream("single-1", event(2), { credentials, expectedRevision: NO_STREAM }), WrongExpectedVersionError);
  },

  async "many appends at a time keep their order"() {
    const results = await Promise.all(range(0, 100).map((e) => client.appendToStream("busy-1", e)));
    assert.deepEqual(results.map((r) => Number(r.nextExpectedRevision)), range(0, 100).map((_, i) => i));
  },

  async "a wrong expected revision names both revisions"() {
    await rejects(client.appendToStream("append-1", event(9), { expectedRevision: 1n }), WrongExpectedVersionError, (err) => {
      assert.equal(err.expectedVersion, 1n);
      assert.equal(err.actualVersion, 5n);
    });
    const quiet = await client.appendToStream("append-1", event(9), { expectedRevision: NO_STREAM }).catch((err) => err.expectedVersion);
    assert.equal(quiet, "no_stream");
  },

  async "a repeated append is recognised"() {
    const e = event(0);
    const once = await client.appendToStream("repeat-1", e, { expectedRevision: NO_STREAM });
    const again = await client.appendToStream("repeat-1", e, { expectedRevision: NO_STREAM });
    assert.deepEqual(again.position, once.position);
  },

  async "events come back as they were"() {
    const id = "6f0f4c58-1f3c-4c0e-9a56-0d0a3f5e7b11";
    const sent = Buffer.from([0, 1, 0xff]);
    await client.appendToStream("round-1", [jsonEvent({ id, type: "T", data: { a: "ü" }, metadata: { b: 1 } }),
      binaryEvent({ type: "B", data: sent, metadata: sent })]);
    const [json, binary] = await collect(client.readStream("round-1"), (e) => e.event);
    assert.equal(json.id, id);
    assert.deepEqual([json.type, json.data, json.metadata, json.isJson], ["T", { a: "ü" }, { b: 1 }, true]);
    assert(Math.abs(Date.now() - json.created.getTime()) < 60_000);
    assert.deepEqual([Buffer.from(binary.data), binary.isJson], [sent, false]);
  },

  async "streams are read in both directions"() {
    const read = (options) => collect(client.readStream("append-1", options), revision);
    assert.deepEqual(await read({}), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(await read({ fromRevision: 2n, maxCount: 2 }), [2, 3]);
    assert.deepEqual(await read({ direction: BACKWARDS, fromRevision: END, maxCount: 2 }), [5, 4]);
    assert.deepEqual(await read({ direction: BACKWARDS, fromRevision: 1n }), [1, 0]);
    assert.deepEqual(await read({ fromRevision: 100n }), []);
    await rejects(read.call(null, {}).then(() => collect(client.readStream("absent"))), StreamNotFoundError);
  },

  async "$all is read in both directions"() {
    const forwards = await collect(client.readAll({ direction: FORWARDS, fromPosition: START, maxCount: 20 }));
    const back = await collect(client.readAll({ direction: BACKWARDS, fromPosition: forwards[19].event.position, maxCount: 19 }));
    assert.deepEqual(back.map((e) => e.event.id), forwards.slice(0, 19).reverse().map((e) => e.event.id));
    const last = await collect(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }));
    assert.equal(last.length, 1);
  },

  async "a subscription to $all has a filter by prefix or expression, of streams or types"() {
    await client.appendToStream("filtered-1", [event(0, "Chosen"), event(1, "Other"), event(2, "Chosen")]);
    const chosen = async (filter, count) => {
      const subscription = client.subscribeToAll({ fromPosition: START, filter });
      const found = await take(subscription, count, revision);
      await subscription.unsubscribe();
      return found;
    };
    assert.deepEqual(await chosen(streamNameFilter({ prefixes: ["filtered-"] }), 3), [0, 1, 2]);
    assert.deepEqual(await chosen(eventTypeFilter({ regex: "^Chos" }), 2), [0, 2]);
  },

  async "a subscription to a stream goes on live"() {
    const subscription = client.subscribeToStream("live-1", { fromRevision: START });
    const taken = take(subscription, 5, revision);
    await client.appendToStream("live-1", range(0, 3));
    await client.appendToStream("live-1", range(3, 5));
    assert.deepEqual(await taken, [0, 1, 2, 3, 4]);
    await subscription.unsubscribe();
    const after = client.subscribeToStream("live-1", { fromRevision: 3n });
    assert.equal(revision(await first(after)), 4);
    await after.unsubscribe();
  },

  async "a filtered subscription to $all tells checkpoints"() {
    let checkpoints = 0;
    const filter = streamNameFilter({
      prefixes: ["checked-"], maxSearchWindow: 10, checkpointInterval: 1,
      checkpointReached: () => { checkpoints++; },
    });
    const subscription = client.subscribeToAll({ fromPosition: START, filter });
    const taken = take(subscription, 2, (e) => e.event.streamId);
    await client.appendToStream("checked-1", range(0, 2));
    assert.deepEqual(await taken, ["checked-1", "checked-1"]);
    assert(checkpoints > 10, `${checkpoints} checkpoints`);
    await subscription.unsubscribe();
  },

  async "a deleted stream is not found and can be made again"() {
    await client.appendToStream("deleted-1", range(0, 2));
    await rejects(client.deleteStream("deleted-1", { expectedRevision: 7n }), WrongExpectedVersionError);
    const deleted = await client.deleteStream("deleted-1", { expectedRevision: 1n });
    assert(deleted.position.commit > 0n);
    await rejects(collect(client.readStream("deleted-1")), StreamNotFoundError);
    const again = await client.appendToStream("deleted-1", event(2), { expectedRevision: NO_STREAM });
    assert.equal(again.nextExpectedRevision, 2n);
    assert.deepEqual(await collect(client.readStream("deleted-1"), revision), [2]);
  },

  async "a tombstoned stream is deleted for good"() {
    await client.appendToStream("dead-1", event(0));
    await client.tombstoneStream("dead-1", { expectedRevision: ANY });
    await rejects(client.appendToStream("dead-1", event(1)), StreamDeletedError, (err) => assert.equal(err.streamName, "dead-1"));
    await rejects(collect(client.readStream("dead-1")), StreamDeletedError);
  },

  async "metadata limits what is read"() {
    await client.appendToStream("limited-1", range(0, 5));
    await client.setStreamMetadata("limited-1", { maxCount: 2, team: "blue" });
    const { metadata } = await client.getStreamMetadata("limited-1");
    assert.deepEqual([metadata.maxCount, metadata.team], [2, "blue"]);
    assert.deepEqual(await collect(client.readStream("limited-1"), revision), [3, 4]);
    await client.setStreamMetadata("limited-1", { truncateBefore: 4 });
    assert.deepEqual(await collect(client.readStream("limited-1"), revision), [4]);
  },

  async "a persistent subscription shares out a stream"() {
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START });
    await client.appendToStream("shared-1", range(0, 4));
    await client.createPersistentSubscriptionToStream("shared-1", "g", settings);
    await rejects(client.createPersistentSubscriptionToStream("shared-1", "g", settings), PersistentSubscriptionExistsError);
    const subscription = client.subscribeToPersistentSubscriptionToStream("shared-1", "g", { bufferSize: 4 });
    const events = subscription[Symbol.asyncIterator]();
    const next = async () => (await events.next()).value;
    const received = [await next(), await next(), await next(), await next()];
    assert.deepEqual(received.map(revision), [0, 1, 2, 3]);
    assert.deepEqual(received.map((e) => e.retryCount), [0, 0, 0, 0]);
    await subscription.ack(received[0]);
    await subscription.nack(SKIP, "not wanted", received[1]);
    await subscription.nack(RETRY, "again", received[2]);
    const retried = await next();
    assert.deepEqual([revision(retried), retried.retryCount], [2, 1]);
    await subscription.nack(PARK, "broken", retried);
    let info = await client.getPersistentSubscriptionToStreamInfo("shared-1", "g");
    while (info.stats.parkedMessageCount === 0n) info = await client.getPersistentSubscriptionToStreamInfo("shared-1", "g");
    assert.deepEqual([info.eventSource, info.groupName, info.status], ["shared-1", "g", "Live"]);
    assert.equal(info.connections.length, 1);
    await client.replayParkedMessagesToStream("shared-1", "g");
    const replayed = await next();
    assert.equal(places(replayed), "0@$persistentsubscription-shared-1::g-parked -> 2@shared-1");
    const listed = await client.listPersistentSubscriptionsToStream("shared-1");
    assert.deepEqual(listed.map((i) => i.groupName), ["g"]);
    await client.updatePersistentSubscriptionToStream("shared-1", "g", settings);
    await assert.rejects(next(), PersistentSubscriptionDroppedError);
    await client.deletePersistentSubscriptionToStream("shared-1", "g");
    await rejects(client.deletePersistentSubscriptionToStream("shared-1", "g"), PersistentSubscriptionDoesNotExistError);
  },

  async "a persistent subscription to $all has a filter"() {
    const settings = persistentSubscriptionToAllSettingsFromDefaults({ startFrom: START });
    const filter = streamNameFilter({ prefixes: ["chosen-"] });
    await client.createPersistentSubscriptionToAll("g", settings, { filter });
    const subscription = client.subscribeToPersistentSubscriptionToAll("g");
    const taken = take(subscription, 2, (e) => e.event.streamId);
    await client.appendToStream("chosen-1", event(0));
    await client.appendToStream("other-1", event(0));
    await client.appendToStream("chosen-2", event(0));
    assert.deepEqual(await taken, ["chosen-1", "chosen-2"]);
    const info = await client.getPersistentSubscriptionToAllInfo("g");
    assert.equal(info.eventSource, "$all");
    const all = await client.listAllPersistentSubscriptions();
    assert.deepEqual(all.map((i) => i.eventSource), ["$all"]);
    await subscription.unsubscribe();
    await client.restartPersistentSubscriptionSubsystem();
    await client.deletePersistentSubscriptionToAll("g");
  },

  async "standard projections are streams of links"() {
    await client.appendToStream("shelf-1", range(0, 2));
    const subscription = client.subscribeToStream("$ce-shelf", { fromRevision: START, resolveLinkTos: true });
    assert.deepEqual(await take(subscription, 2, places), ["0@$ce-shelf -> 0@shelf-1", "1@$ce-shelf -> 1@shelf-1"]);
    await subscription.unsubscribe();
    const read = await collect(client.readStream("$ce-shelf", { resolveLinkTos: true }), places);
    assert.deepEqual(read, ["0@$ce-shelf -> 0@shelf-1", "1@$ce-shelf -> 1@shelf-1"]);
  },
};

async function main() {
  let failures = 0;
  for (const [name, run] of Object.entries(tests)) {
    try {
      await run();
      console.log(`ok: ${name}`);
    } catch (err) {
      failures++;
      console.log(`FAILED: ${name}: ${err.stack}`);
    }
  }
  await client.dispose();
  process.exit(failures === 0 ? 0 : 1);
}

main();
