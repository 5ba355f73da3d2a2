import assert from "node:assert/strict";
import test from "node:test";

import { DeviceStorage } from "../../web/js/device_storage.js";
import { FormDraft } from "../../web/js/draft.js";
import { QuestionHistory } from "../../web/js/history.js";
import { EMPTY_FORM } from "../../web/js/question.js";

/**
 * A storage as the HTML standard describes it ("The Storage interface"): values are texts, and setItem throws where it
 * is full. Its capacity is in characters here, of values alone: browsers differ in how they count.
 */
class FakeStorage {
  values = new Map();
  constructor(capacity = 5_000_000) {
    this.capacity = capacity;
  }
  getItem(key) {
    return this.values.get(key) ?? null;
  }
  setItem(key, value) {
    const others = [...this.values].filter(([name]) => name !== key).reduce((sum, [, text]) => sum + text.length, 0);
    if (others + value.length > this.capacity) throw new DOMException("full", "QuotaExceededError");
    this.values.set(key, value);
  }
  removeItem(key) {
    this.values.delete(key);
  }
}

const forbidden = () => {
  throw new DOMException("forbidden", "SecurityError");
};
const KEY = "travel-gpt:/Prod:history";
const answerOf = (text) => ({ answer: text, model: "m", request_id: "r", truncated: false });

function historyIn(storage) {
  return new QuestionHistory(new DeviceStorage("/Prod", typeof storage === "function" ? storage : () => storage));
}

test("questions with their answers, the newest first, in every tab", () => {
  const storage = new FakeStorage();
  const history = historyIn(storage);

  history.asked("a", { query: "Oslo?" }, 1000);
  history.asked("b", { query: "Rome?" }, 2000);
  history.answered("a", answerOf("Yes."));
  history.failed("b");

  const entries = historyIn(storage).entries();
  assert.deepEqual(entries.map(({ id, state }) => [id, state]), [["b", "failed"], ["a", "answered"]]);
  assert.deepEqual(entries[1], { id: "a", at: 1000, request: { query: "Oslo?" }, state: "answered", answer: answerOf("Yes.") });
  assert.equal(history.isKept, true);
});

test("deleted, nothing of it is on the device", () => {
  const storage = new FakeStorage();
  const history = historyIn(storage);
  history.asked("a", { query: "Oslo?" });
  history.asked("b", { query: "Rome?" });

  history.clear();

  assert.deepEqual([history.entries(), storage.values.size], [[], 0]);
  // An answer that arrives after that does not bring it back.
  history.answered("b", answerOf("late"));
  assert.deepEqual(history.entries(), []);
});

test("asked again, a question is there once, as the newest", () => {
  const history = historyIn(new FakeStorage());
  history.asked("a", { query: "1" }, 1);
  history.failed("a");
  history.asked("b", { query: "2" }, 2);

  history.asked("a", { query: "1" }, 3);

  assert.deepEqual(history.entries().map(({ id, at, state }) => [id, at, state]), [["a", 3, "asked"], ["b", 2, "asked"]]);
});

test("the newest part is kept", () => {
  const storage = new FakeStorage();
  const history = historyIn(storage);
  for (let each = 0; each < 40; each += 1) history.asked(`${each}`, { query: "?" });
  assert.equal(history.entries().length, 30);
  assert.equal(history.entries()[0].id, "39");

  for (const id of ["39", "38", "37"]) history.answered(id, answerOf("x".repeat(900_000)));

  assert.ok(storage.getItem(KEY).length <= 2_000_000);
  assert.deepEqual(history.entries().map(({ id }) => id), ["39", "38"]);
});

test("in a full storage the oldest give way, and what does not fit at all is there until the page is left", () => {
  const storage = new FakeStorage(1000);
  const history = historyIn(storage);
  for (let each = 0; each < 20; each += 1) history.asked(`${each}`, { query: "x".repeat(100) });
  assert.ok(history.isKept && history.entries().length >= 3);
  assert.equal(history.entries()[0].id, "19");

  history.answered("19", answerOf("y".repeat(2000)));

  assert.equal(history.isKept, false);
  assert.equal(history.entries()[0].answer?.answer.length, 2000);
  history.clear();
  assert.equal(history.isKept, true);
});

test("without a storage, the history lasts as long as the page", () => {
  for (const storage of [forbidden, () => undefined, () => null]) {
    const history = historyIn(storage);
    history.asked("a", { query: "Oslo?" });
    history.answered("a", answerOf("Yes."));

    assert.deepEqual([history.entries().length, history.entries()[0].answer?.answer, history.isKept], [1, "Yes.", false]);
    history.clear();
    assert.deepEqual(history.entries(), []);
  }
});

test("what another version kept is left out, and no value breaks the page", () => {
  const storage = new FakeStorage();
  const good = { id: "a", at: 1, request: { query: "Oslo?" }, state: "answered", answer: answerOf("Yes.") };
  const trip = { ...good, id: "b", answer: { ...answerOf("# Oslo"), itinerary: { version: "2" } } };
  const wrong = [null, 5, "a", [], {}, { ...good, id: 5 }, { ...good, at: "now" }, { ...good, request: {} }, { ...good, state: "?" }];
  storage.setItem(KEY, JSON.stringify([...wrong, good, trip, { ...good, id: "c", answer: {} }]));

  const entries = historyIn(storage).entries();

  assert.deepEqual(entries.map(({ id, state }) => [id, state]), [["a", "answered"], ["b", "failed"], ["c", "failed"]]);
  assert.deepEqual(entries.map(({ answer }) => answer?.answer), ["Yes.", undefined, undefined]);
  for (const text of ["", "{", "5", "null", '{"a":1}']) {
    storage.setItem(KEY, text);
    assert.deepEqual(historyIn(storage).entries(), [], text);
  }
});

test("stages of one host keep apart", () => {
  const storage = new FakeStorage();
  historyIn(storage).asked("a", { query: "Oslo?" });

  assert.deepEqual(new QuestionHistory(new DeviceStorage("/dev", () => storage)).entries(), []);
});

test("the question that is being written", () => {
  const storage = new FakeStorage();
  const draft = () => new FormDraft(new DeviceStorage("/Prod", () => storage));
  assert.equal(draft().load(), null);

  draft().save({ ...EMPTY_FORM, query: "Oslo?", diet: ["vegan"] });
  assert.deepEqual(draft().load(), { ...EMPTY_FORM, query: "Oslo?", diet: ["vegan"] });

  const other = { query: 5, trip: "yes", diet: [1], pace: "relaxed", __proto__: { a: 1 }, constructor: "x" };
  storage.setItem("travel-gpt:/Prod:draft", JSON.stringify(other));
  assert.deepEqual(draft().load(), { ...EMPTY_FORM, pace: "relaxed" });
  storage.setItem("travel-gpt:/Prod:draft", "[]");
  assert.equal(draft().load(), null);

  assert.equal(new FormDraft(new DeviceStorage("", forbidden)).load(), null);
});

test("each tab has the question that is written there, and a new one has the last of all", () => {
  const [storage, one, two] = [new FakeStorage(), new FakeStorage(), new FakeStorage()];
  const draft = (tab) => new FormDraft(...[tab, storage].map((each) => new DeviceStorage("/Prod", () => each)));

  draft(one).save({ ...EMPTY_FORM, query: "Oslo?" });
  draft(two).save({ ...EMPTY_FORM, query: "Rome?" });

  assert.deepEqual([one, two, new FakeStorage()].map((tab) => draft(tab).load()?.query), ["Oslo?", "Rome?", "Rome?"]);
});

test("with the questions that were asked, their drafts are deleted, and no other", () => {
  const [storage, tab] = [new FakeStorage(), new FakeStorage()];
  const draft = new FormDraft(...[tab, storage].map((each) => new DeviceStorage("/Prod", () => each)));
  draft.save({ ...EMPTY_FORM, query: " Oslo? " });

  draft.forget(["Rome?", ""]);
  assert.equal(draft.load()?.query, " Oslo? ");
  draft.forget(["Rome?", "Oslo?"]);

  assert.equal(draft.load(), null);
  assert.equal(storage.values.size + tab.values.size, 0);
});
